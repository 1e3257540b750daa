// A page that is made from a fetch with a tag, and kept.

import { lines } from "../lines.js";

export default async function Page() {
  const response = await fetch(`${process.env.VISITS}/fetched`, {
    next: { tags: ["fetched"], revalidate: 3600 },
  });
  return (
    <main>
      value={await response.text()};{lines.join("")}
    </main>
  );
}

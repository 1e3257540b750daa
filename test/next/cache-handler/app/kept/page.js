// A page that is made at each visit, over `unstable_cache`.

import { unstable_cache } from "next/cache";
import { lines } from "../lines.js";

const read = unstable_cache(
  async () => {
    const response = await fetch(`${process.env.VISITS}/kept`, { cache: "no-store" });
    return { visits: await response.text(), lines };
  },
  ["kept"],
  { tags: ["kept"], revalidate: 3600 },
);

export const dynamic = "force-dynamic";

export default async function Page() {
  const { visits, lines: kept } = await read();
  return (
    <main>
      value={visits};{kept.length}
    </main>
  );
}

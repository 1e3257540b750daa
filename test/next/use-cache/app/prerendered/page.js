// A page that is made with the build, over a large result and a small one.

import { cacheTag } from "../tag.js";
import { lines } from "../lines.js";
import { randomText } from "../random.js";
import { visit } from "../visits.js";

async function large() {
  "use cache";
  cacheTag("prerendered");
  return { text: randomText(2) };
}

async function small() {
  "use cache";
  cacheTag("prerendered");
  return visit("prerendered");
}

export default async function Page() {
  const { text } = await large();
  return (
    <main>
      {`value=${await small()} ${text.length} ${text.slice(-8)};`}
      {lines.join("")}
    </main>
  );
}

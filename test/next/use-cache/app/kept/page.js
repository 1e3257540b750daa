// A page that is made at each visit, over a function whose result is kept.

import { cacheTag } from "../tag.js";
import { Dynamic } from "../dynamic.js";
import { lines } from "../lines.js";
import { visit } from "../visits.js";

async function keep() {
  "use cache";
  cacheTag("kept");
  return { visits: await visit("kept"), lines, when: new Map([["größer", 1]]) };
}

async function read() {
  const { visits, lines: kept, when } = await keep();
  return `value=${visits} ${kept.length} ${when.get("größer")};`;
}

export default function Page() {
  return <Dynamic read={read} />;
}

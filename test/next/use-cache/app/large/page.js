// A large result that is kept.

import { cacheTag } from "../tag.js";
import { Dynamic } from "../dynamic.js";
import { randomText } from "../random.js";
import { visit } from "../visits.js";

async function keep() {
  "use cache";
  cacheTag("large");
  return { visits: await visit("large"), text: randomText(1) };
}

async function read() {
  const { visits, text } = await keep();
  return `value=${visits} ${text.length} ${text.slice(-8)};`;
}

export default function Page() {
  return <Dynamic read={read} />;
}

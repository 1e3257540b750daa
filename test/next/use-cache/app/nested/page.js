// One kept function in another, with arguments longer than a key of Redis should be.

import { cacheTag } from "../tag.js";
import { Dynamic } from "../dynamic.js";
import { visit } from "../visits.js";

async function inner(text) {
  "use cache";
  cacheTag("inner");
  return `${await visit("inner")} ${text.length}`;
}

async function outer(text) {
  "use cache";
  cacheTag("outer");
  return `${await visit("outer")}, ${await inner(text)}`;
}

async function read() {
  return `value=${await outer("argument ".repeat(100))};`;
}

export default function Page() {
  return <Dynamic read={read} />;
}

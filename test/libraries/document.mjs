// Writes the table of docs/libraries.md, between its marks: the bytes that each library's work leaves in Redis.
import { readFileSync, writeFileSync } from "node:fs";

const path = new URL("../../docs/libraries.md", import.meta.url);
const START = "<!-- table -->";
const END = "<!-- /table -->";

/** Two significant digits: times and random names in the values make a difference of a few bytes. */
const shown = (size) => (size < 100 ? "–" : Number(size.toPrecision(2)).toLocaleString("en-US"));

/** @param {readonly (readonly [name: string, stock: number, text: number, raw: number])[]} rows */
export function writeTable(rows) {
  const lines = rows.map(([name, stock, text, raw]) => {
    const gain = stock < 100 ? "" : `${(stock / raw).toFixed(1)}×`;
    return `| ${name} | ${shown(stock)} | ${shown(text)} | ${shown(raw)} | ${gain} |`;
  });
  const table = ["| library | stock | text | raw | |", "| --- | --: | --: | --: | --: |", ...lines].join(
    "\n",
  );
  const page = readFileSync(path, "utf8");
  const [before, rest] = page.split(START);
  writeFileSync(path, `${before}${START}\n\n${table}\n\n${END}${rest.split(END)[1]}`);
}

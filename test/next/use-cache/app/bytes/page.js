// Bytes that are no text, and an element, both kept. Its text is one piece, in HTML and in what React reads.

import { cacheTag } from "../tag.js";
import { Dynamic } from "../dynamic.js";
import { visit } from "../visits.js";

async function keep() {
  "use cache";
  cacheTag("bytes");
  const bytes = new Uint8Array(3000).map((_, at) => at);
  return { bytes, element: <b>{`value=${await visit("bytes")};`}</b> };
}

async function read() {
  const { bytes, element } = await keep();
  return (
    <p>
      {element} {bytes.reduce((sum, byte) => sum + byte, 0)}
    </p>
  );
}

export default function Page() {
  return <Dynamic read={read} />;
}

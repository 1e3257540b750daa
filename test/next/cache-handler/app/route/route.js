// A route handler whose answer is kept: text, and bytes that are none.

import { lines } from "../lines.js";

export const dynamic = "force-static";
export const revalidate = 3600;

export async function GET() {
  const response = await fetch(`${process.env.VISITS}/route`, {
    next: { tags: ["route"], revalidate: 3600 },
  });
  // Bytes that are no text.
  const bytes = new Uint8Array(300).map((_, at) => at);
  const text = new TextEncoder().encode(`value=${await response.text()};${lines.join("")}`);
  return new Response(Buffer.concat([text, bytes]), {
    headers: { "content-type": "application/octet-stream" },
  });
}

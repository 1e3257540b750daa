// A page that reads a stored value with the 23 KB decoder, and a token that may only read: vite, then
// http://localhost:5173/?url=…&token=…&key=…
import { loadDecoder } from "zstash/decode";

const { url, token, key } = Object.fromEntries(new URLSearchParams(location.search));

async function show() {
  const reply = await fetch(`${url}/get/${encodeURIComponent(key)}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const { result } = await reply.json();
  const frame = Uint8Array.from(atob(result.slice("zs1:".length)), (character) => character.charCodeAt(0));
  const decoder = await loadDecoder();
  const report = JSON.parse(decoder.decompressText(frame));
  document.querySelector("pre").textContent = JSON.stringify(report, null, 2);
  document.title = `${report.days.length} days read back`;
}

show().catch((error) => {
  document.title = `error: ${error.message}`;
});

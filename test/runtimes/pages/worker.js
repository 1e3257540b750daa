// A module worker that decodes a stored value, or says why it cannot.
import { fetchDecoded } from "zstash/browser";

addEventListener("message", async ({ data }) => {
  try {
    const bytes = await (await fetchDecoded(data, { cache: "no-store" })).arrayBuffer();
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    postMessage(Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join(""));
  } catch (error) {
    postMessage(`${error.code}: ${error.message.includes("'wasm-unsafe-eval'")}`);
  }
});

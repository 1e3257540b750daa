// A module worker that decodes the stored value of its address, or says why it cannot.
import { fetchDecoded } from "zstash/browser";

async function answer() {
  try {
    const bytes = await (await fetchDecoded(location.search.slice(1), { cache: "no-store" })).arrayBuffer();
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
  } catch (error) {
    return `${error.code}: ${error.message.includes("'wasm-unsafe-eval'")}`;
  }
}

answer().then((text) => postMessage(text));

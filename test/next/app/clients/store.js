// The store, with what the pages do with a client.
import { createStore } from "zstash/store";

const address = { url: process.env.UPSTASH_REDIS_REST_URL, token: process.env.UPSTASH_REDIS_REST_TOKEN };

function clientOf(store) {
  return {
    async read(key) {
      const text = await store.getText(key);
      return text === null ? null : JSON.parse(text);
    },
    write: (key, value) => store.put(key, JSON.stringify(value)),
    open: (key) => store.get(key),
    put: (key, bytes) => store.put(key, bytes),
    // A store has no counters.
    count: () => undefined,
    hooked: (hook) =>
      clientOf(
        createStore({
          ...address,
          fetch(...request) {
            hook();
            return fetch(...request);
          },
        }),
      ),
  };
}
export const client = clientOf(createStore(address));

// The tests beside real libraries, whose packages lie in this folder alone; zstash itself is the sources.
import root from "../../vitest.config.ts";

export default {
  ...root,
  root: new URL("../..", import.meta.url).pathname,
  test: {
    ...root.test,
    include: ["test/libraries/*.test.mjs"],
    // Libraries that take a client are compared by what they do: they are loaded as Node loads them.
    server: { deps: { external: [/node_modules/] } },
  },
};

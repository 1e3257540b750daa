// The site: its pages are made by site.mjs in .pages/, its order is here.

import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitepress";

const pages = fileURLToPath(new URL("../.pages/", import.meta.url));

/** @param {string} text @param {readonly (readonly [text: string, page: string])[]} items */
const group = (text, items) => ({
  text,
  items: items
    .filter(([, page]) => existsSync(`${pages}${page}.md`))
    .map(([label, page]) => ({ text: label, link: `/${page}` })),
});

const examples = existsSync(`${pages}examples`)
  ? readdirSync(`${pages}examples`)
      .filter((name) => name.endsWith(".md") && name !== "index.md")
      .map((name) => /** @type {const} */ ([name.slice(0, -3), `examples/${name.slice(0, -3)}`]))
  : [];

export default defineConfig({
  title: "zstash",
  description: "Transparent Zstandard for Redis over HTTP (Upstash REST)",
  srcDir: ".pages",
  outDir: "../../.cache/site",
  cacheDir: "../../.cache/vitepress",
  cleanUrls: true,
  lastUpdated: false,
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    nav: [
      { text: "Guide", link: "/guide" },
      { text: "API", link: "/api/" },
      { text: "FAQ", link: "/faq" },
      { text: "Errors", link: "/errors" },
    ],
    sidebar: [
      group("Begin", [
        ["Quick start", "quick-start"],
        ["Next.js, step by step", "quick-start-nextjs"],
        ["Workers, step by step", "quick-start-workers"],
        ["Deno, step by step", "quick-start-deno"],
        ["Concepts", "concepts"],
        ["The client", "client"],
        ["Policies", "policy"],
        ["Runtimes and weights", "runtimes"],
        ["Questions", "faq"],
        ["Options", "options"],
        ["Errors", "errors"],
      ]),
      group("Guides", [
        ["All guides", "guide"],
        ["Estimate", "estimate"],
        ["Roll out", "rollout"],
        ["Migrate", "migrate"],
        ["From gzip, brotli or GLIDE", "migrate-from"],
        ["Leave", "leave"],
        ["Next.js", "nextjs"],
        ["Browsers", "browsers"],
        ["Clients over TCP", "tcp-clients"],
        ["Libraries", "libraries"],
        ["Readers in other languages", "readers"],
      ]),
      group("Parts", [
        ["Values of any size", "store"],
        ["Dictionaries", "dictionaries"],
        ["Dictionaries in Redis", "dictionaries-in-redis"],
        ["Lists", "lists"],
        ["Serving", "serving"],
        ["Dictionary transport", "dictionary-transport"],
        ["Metrics", "metrics"],
        ["Events", "events"],
        ["The codec", "codec"],
      ]),
      group("The program", [
        ["Command line", "command-line"],
        ["get and put", "get-put"],
        ["inspect", "inspect"],
        ["doctor", "doctor"],
        ["The local server", "dev-server"],
        ["Its page", "dev-server-page"],
        ["Its commands", "dev-server-commands"],
        ["Its rules", "dev-server-safety"],
      ]),
      group("Examples", examples),
      group("Measured", [
        ["Alternatives", "alternatives"],
        ["On the network", "network"],
        ["How far it goes", "scaling"],
        ["Benchmarks", "benchmarks"],
        ["The article's tables", "article"],
        ["The demo", "demo"],
      ]),
      group("Inside", [
        ["Stored format", "format"],
        ["Versions", "versions"],
        ["Architecture", "architecture"],
        ["Decisions", "decisions"],
        ["Threat model", "security"],
        ["Changes", "changelog"],
        ["Contributing", "contributing"],
      ]),
      { text: "API", link: "/api/" },
    ],
  },
});

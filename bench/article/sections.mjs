/** The sections of docs/article.md, in its order: each has a program `article/NAME.mjs` and a text `render/article/NAME.mjs`. */

/**
 * When and where a section was measured; `load` is the machine's load average when it began.
 *
 * @typedef {{ date: string, machine: string, load: number, seconds: number, versions: Readonly<Record<string, string>> }} Stamp
 *
 * What each section's `measure(quick)` gives, by its name.
 *
 * @typedef {{
 *   writes: Stamp & Awaited<ReturnType<typeof import("./writes.mjs").measure>>,
 *   records: Stamp & Awaited<ReturnType<typeof import("./records.mjs").measure>>,
 *   memory: Stamp & Awaited<ReturnType<typeof import("./memory.mjs").measure>>,
 *   levels: Stamp & Awaited<ReturnType<typeof import("./levels.mjs").measure>>,
 *   logs: Stamp & Awaited<ReturnType<typeof import("./logs.mjs").measure>>,
 *   bursts: Stamp & Awaited<ReturnType<typeof import("./bursts.mjs").measure>>,
 *   profile: Stamp & Awaited<ReturnType<typeof import("./profile.mjs").measure>>,
 *   segments: Stamp & Awaited<ReturnType<typeof import("./segments.mjs").measure>>,
 *   pipelines: Stamp & Awaited<ReturnType<typeof import("./pipelines.mjs").measure>>,
 *   "no-delay": Stamp & Awaited<ReturnType<typeof import("./no-delay.mjs").measure>>,
 *   versions: Stamp & Awaited<ReturnType<typeof import("./versions.mjs").measure>>,
 *   replication: Stamp & Awaited<ReturnType<typeof import("./replication.mjs").measure>>,
 * }} Article
 */

/** @type {readonly { name: keyof Article, flags?: readonly string[], inLab?: boolean }[]} `flags` are those of Node; `inLab` needs the network laboratory. */
export const articleSections = [
  { name: "writes" },
  { name: "records" },
  { name: "memory" },
  { name: "levels" },
  { name: "segments", inLab: true },
  { name: "pipelines", inLab: true },
  { name: "no-delay", inLab: true },
  { name: "logs" },
  { name: "bursts" },
  { name: "versions" },
  { name: "replication" },
  { name: "profile" },
];

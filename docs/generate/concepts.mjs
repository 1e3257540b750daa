// Draws the pictures of docs/concepts.md: carriers, stores, layouts and dictionaries. Each is one SVG for light and dark, because its
// style asks for the colour scheme of whoever looks at it.

const WIDTH = 760;
const STYLE =
  ":root{--text:#1f2328;--faint:#59636e;--back:#fff;--line:#d1d9e0;--frame:#ddf4ff;--edge:#0969da;--head:#54aeff;" +
  "--plain:#f6f8fa;--book:#dafbe1;--leaf:#1a7f37}" +
  "@media(prefers-color-scheme:dark){:root{--text:#e6edf3;--faint:#9198a1;--back:#0d1117;--line:#3d444d;--frame:#0c2d6b;" +
  "--edge:#58a6ff;--head:#1f6feb;--plain:#151b23;--book:#033a16;--leaf:#3fb950}}" +
  "text{font:13px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;fill:var(--text)}" +
  ".faint{fill:var(--faint)}.bold{font-weight:600}.code{font-family:ui-monospace,Menlo,Consolas,monospace}" +
  ".back{fill:var(--back);stroke:var(--line)}.plain{fill:var(--plain);stroke:var(--faint)}.frame{fill:var(--frame);stroke:var(--edge)}" +
  ".head{fill:var(--head);stroke:var(--edge)}.book{fill:var(--book);stroke:var(--leaf)}" +
  ".arrow{fill:none;stroke:var(--faint);stroke-width:1.5;marker-end:url(#head)}.tip{fill:var(--faint)}";

/**
 * @param {number} x
 * @param {number} y
 * @param {string} words
 * @param {string} [kind]
 * @param {"start" | "middle" | "end"} [anchor]
 */
const text = (x, y, words, kind = "", anchor = "start") =>
  `<text x="${x}" y="${y}" class="${kind}" text-anchor="${anchor}">${words.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</text>`;

/**
 * A box, with words in its middle.
 *
 * @param {readonly [x: number, y: number, width: number, height: number]} place
 * @param {string} kind
 * @param {string} [words]
 * @param {string} [font]
 */
const box = ([x, y, width, height], kind, words = "", font = "") =>
  `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="4" class="${kind}"/>` +
  (words === "" ? "" : text(x + width / 2, y + height / 2 + 4.5, words, font, "middle"));

/** @param {string} path */
const arrow = (path) => `<path class="arrow" d="${path}"/>`;

/**
 * @param {string} title
 * @param {number} height
 * @param {readonly string[]} shapes
 */
const svg = (title, height, shapes) =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${title}</title>`,
    `<style>${STYLE}</style>`,
    '<defs><marker id="head" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="7" markerHeight="7" orient="auto"><path class="tip" d="M 0 0 L 10 5 L 0 10 z"/></marker></defs>',
    `<rect class="back" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>`,
    text(20, 28, title, "bold"),
    ...shapes,
    "</svg>",
    "",
  ].join("\n");

const CARRIERS = svg("One frame, two carriers", 284, [
  box([20, 50, 150, 40], "plain", "your value, as JSON"),
  text(95, 108, "7,101 bytes", "faint", "middle"),
  arrow("M 172 70 L 226 70"),
  text(199, 60, "zstd", "faint", "middle"),
  box([232, 50, 70, 40], "head", "header"),
  box([302, 50, 110, 40], "frame", "blocks"),
  box([412, 50, 84, 40], "head", "checksum"),
  text(364, 108, "a zstd frame, 286 bytes", "faint", "middle"),
  arrow("M 300 116 L 300 144 L 226 144 L 226 162"),
  arrow("M 428 116 L 428 144 L 560 144 L 560 162"),
  text(36, 160, "raw", "bold"),
  box([36, 168, 330, 40], "frame", "28 B5 2F FD …  (the frame itself)", "code"),
  text(36, 230, "286 bytes in Redis: what zstash/redis writes", "faint"),
  text(36, 250, "when a value has a request of its own", "faint"),
  text(400, 160, "text", "bold"),
  box([400, 168, 330, 40], "frame", "zs1:KLUv/…  (the frame in base64)", "code"),
  text(400, 230, "388 bytes in Redis, a third more: withCompression,", "faint"),
  text(400, 250, "and several values in one pipeline", "faint"),
]);

/**
 * A row of the picture of layouts.
 *
 * @param {number} y
 * @param {string} name
 * @param {string} words
 * @param {readonly (readonly number[])[]} frames the widths of each frame's blocks
 * @param {boolean} table
 */
function layout(y, name, words, frames, table) {
  const shapes = [text(20, y + 20, name, "code"), text(20, y + 44, words, "faint")];
  let x = 236;
  for (const blocks of frames) {
    shapes.push(box([x, y, 8, 28], "head"));
    x += 8;
    for (const width of blocks) {
      shapes.push(box([x, y, width, 28], "frame"));
      x += width;
    }
    shapes.push(box([x, y, 6, 28], "head"));
    x += 6 + (frames.length > 1 ? 6 : 0);
  }
  if (table) shapes.push(box([x, y, 84, 28], "book", "seek table"));
  return shapes.join("\n");
}

const LAYOUTS = svg("Four layouts of a large value", 330, [
  box([20, 44, 8, 14], "head"),
  text(34, 56, "header or checksum", "faint"),
  box([180, 44, 22, 14], "frame"),
  text(208, 56, "a block", "faint"),
  text(290, 56, "a frame is a header, blocks and a checksum", "faint"),
  layout(
    78,
    '"ramp", the default',
    "one frame; its first block decodes with the first packet",
    [[10, 20, 40, 70, 110, 140]],
    false,
  ),
  layout(
    140,
    "{ flushSize: 16384 }",
    "one frame; a reader decodes after every so many bytes",
    [[43, 43, 43, 43, 43, 43, 43, 43, 43]],
    false,
  ),
  layout(
    202,
    "{ frameSize: 65536 }",
    "several frames; any part is read by itself (seekable)",
    [[84], [84], [84], [84]],
    true,
  ),
  layout(
    264,
    "{ mtu: 1500 }",
    "each frame fits one network packet, and decodes alone",
    [[22], [22], [22], [22], [22], [22], [22], [22], [22], [22]],
    true,
  ),
]);

const DICTIONARIES = svg('Dictionaries in Redis (dictionaries: "auto")', 300, [
  box([20, 56, 220, 112], "plain"),
  text(36, 80, "zstash:dicts", "code bold"),
  text(36, 100, "the manifest", "faint"),
  text(36, 124, "session:* 41224571", "code"),
  text(36, 146, "canary 1531264050: 10 %", "code"),
  box([300, 56, 200, 44], "book", "zstash:dict:41224571", "code"),
  box([300, 124, 200, 44], "book", "zstash:dict:1531264050", "code"),
  text(514, 74, "what most values share:", "faint"),
  text(514, 94, "words, keys, structure", "faint"),
  text(514, 142, "the next one, tried on", "faint"),
  text(514, 162, "a tenth of the keys first", "faint"),
  arrow("M 240 120 L 268 120 L 268 78 L 296 78"),
  arrow("M 240 142 L 296 146"),
  text(
    20,
    206,
    "Values name their dictionary in the frame's header, so each reader fetches the right one, once:",
  ),
  box([20, 222, 170, 34], "frame", "session:1 → 41224571", "code"),
  box([206, 222, 170, 34], "frame", "session:2 → 41224571", "code"),
  box([392, 222, 186, 34], "frame", "session:3 → 1531264050", "code"),
  text(
    20,
    280,
    "A value whose dictionary is gone cannot be read: dictionaries never expire by themselves.",
    "faint",
  ),
]);

const STORES = svg("A large value on its way through a store", 316, [
  text(20, 62, "put", "bold"),
  box([20, 72, 110, 40], "plain", "a stream"),
  arrow("M 132 92 L 186 92"),
  text(159, 84, "zstd", "faint", "middle"),
  box([192, 72, 52, 40], "frame", "piece"),
  box([250, 72, 52, 40], "frame", "piece"),
  box([308, 72, 52, 40], "frame", "piece"),
  text(276, 130, "a request each, 256 KiB to 8 MiB", "faint", "middle"),
  arrow("M 362 92 L 384 92"),
  box([390, 72, 150, 40], "plain", "report:zstash:9f…", "code"),
  text(465, 130, "a temporary key", "faint", "middle"),
  arrow("M 542 92 L 614 92"),
  text(577, 84, "RENAME", "faint", "middle"),
  box([620, 72, 120, 40], "book", "report", "code bold"),
  text(680, 130, "the value, at once", "faint", "middle"),
  text(20, 182, "get", "bold"),
  box([620, 192, 120, 40], "book", "report", "code bold"),
  arrow("M 618 212 L 566 212"),
  box([192, 192, 370, 40], "frame", "the reply, decoded as it arrives"),
  arrow("M 190 212 L 134 212"),
  box([20, 192, 110, 40], "plain", "a stream"),
  text(20, 266, "getRange", "bold"),
  text(96, 266, "asks for the seek table, then for the frames that hold the range: two requests, or one."),
  text(
    20,
    294,
    "Where the value is replaced meanwhile, the reader gets the error VALUE_CHANGED, never a mixture.",
    "faint",
  ),
]);

/** The pictures by their names below docs/concepts/. */
export const CONCEPTS = /** @type {const} */ ({
  "carriers.svg": CARRIERS,
  "stores.svg": STORES,
  "layouts.svg": LAYOUTS,
  "dictionaries.svg": DICTIONARIES,
});

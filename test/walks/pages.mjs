// The steps of a walk, read out of a page of the docs: blocks under a comment `<!-- walk: NAME -->` are files to write, commands
// to type, and what these print. A file's block says its path in its first line.

/**
 * A step of a walk. `serves` is the port on which a command that runs until Ctrl-C is reached; `compressed` is true for the
 * commands that show the first compressed value.
 *
 * @typedef {{ kind: "commands", commands: readonly string[], serves: number | undefined, compressed: boolean }} Commands
 * @typedef {{ kind: "file", path: string, text: string }} File
 * @typedef {{ kind: "output", lines: readonly string[] }} Output
 * @typedef {Commands | File | Output} Step
 */

/**
 * The steps of one walk on a page, in order.
 *
 * @param {string} text of the page
 * @param {string} walk
 * @returns {Step[]}
 */
export function readSteps(text, walk) {
  const blocks = [
    ...text.matchAll(/^<!-- walk: ([\w ,]+) -->\n+(?:<!-- given: [^]*? -->\n+)?```(\w+)\n([^]*?)^```$/gm),
  ];
  const comments = text.match(/<!--\s*walk\b/g)?.length ?? 0;
  if (comments !== blocks.length)
    throw new Error(`${comments} comments name a walk, and ${blocks.length} of them stand before a block`);
  return blocks.flatMap(([, note, language, code]) => {
    const [name, ...flags] = note.split(", ");
    return name === walk ? [readStep(flags, language, code)] : [];
  });
}

/**
 * @param {readonly string[]} flags
 * @param {string} language
 * @param {string} code
 * @returns {Step}
 */
function readStep(flags, language, code) {
  const lines = code.trimEnd().split("\n");
  if (language === "text") return { kind: "output", lines };
  if (language === "sh") {
    const port = flags.find((flag) => flag.startsWith("serves "))?.slice("serves ".length);
    const serves = port === undefined ? undefined : Number(port);
    return { kind: "commands", commands: lines, serves, compressed: flags.includes("compressed") };
  }
  const path = /^(?:\/\/|#) ([\w./-]+)/.exec(lines[0])?.[1];
  if (path === undefined) throw new Error(`a file's first line must say its path: ${lines[0]}`);
  return { kind: "file", path, text: code };
}

/**
 * Tells whether output is what a page says. A line `…` stands for all that follows, `…` at a line's end for the rest of the line.
 *
 * @param {string} output
 * @param {readonly string[]} lines
 */
export function isOutput(output, lines) {
  const printed = output.trimEnd().split("\n");
  const open = lines.at(-1) === "…";
  const said = open ? lines.slice(0, -1) : lines;
  if (open ? printed.length < said.length : printed.length !== said.length) return false;
  return said.every((line, index) =>
    line.endsWith("…") ? printed[index].startsWith(line.slice(0, -1)) : printed[index] === line,
  );
}

/** `zstash train` on files and NDJSON: what it makes, what it prints, what it refuses, and that nothing is ever half done. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadZstd, readDictionary } from "../../../src/index.ts";
import { trainDictionary } from "../../../src/train/index.ts";
import { widthOf } from "../../../src/cli/text.ts";
import { eventRecords, sessionRecords } from "../../conformance/records.ts";
import { follow } from "../../support/cli-program.ts";
import { shown, terminalAvailable } from "../../support/cli-run.ts";
import { createRandom } from "../../support/random.ts";
import { zstdCliAvailable, zstdDecode } from "../../support/zstd-cli.ts";
import { jsonOf, useCli, type Trained } from "./rig.ts";

const cli = useCli();
const at = (name: string): string => join(cli.folder, name);
const records = sessionRecords(600);
const ndjson = at("sessions.ndjson");
writeFileSync(ndjson, `${records.join("\n")}\n`);
const EVENTS = at("events");
mkdirSync(join(EVENTS, "deeper"), { recursive: true });
for (const [index, record] of eventRecords(300).entries())
  writeFileSync(join(EVENTS, index % 2 === 0 ? "" : "deeper", `${index}.json`), record);

const small = ["--max-size", "8KB"];
const bytesOf = (file: string): Uint8Array => new Uint8Array(readFileSync(file));

describe("zstash train", () => {
  test("makes of NDJSON what the library makes of its lines, each time", async () => {
    const { dictionary, id, report } = await trainDictionary(records, { maxSize: 8192 });
    for (const name of ["one.dict", "two.dict"]) {
      const made = jsonOf<Trained>(
        await cli.run(["train", "--ndjson", ndjson, ...small, "--out", at(name), "--json"]),
      );
      expect(made).toMatchObject({ id, size: dictionary.length, out: at(name), published: null });
      expect(made.report.gain).toBe(report.gain);
      expect(bytesOf(at(name))).toEqual(dictionary);
    }
    // From the standard input, with the line ends of Windows and no last one, too.
    const input = records.join("\r\n");
    const piped = await cli.run(["train", "--ndjson", "-", ...small, "--json"], { input });
    expect(jsonOf<Trained>(piped)).toMatchObject({ id, out: null });
  });

  test("takes files and the files of folders, each as a sample", async () => {
    symlinkSync(EVENTS, join(EVENTS, "circle"));
    symlinkSync(join(EVENTS, "0.json"), join(EVENTS, "link.json"));
    const made = jsonOf<Trained>(await cli.run(["train", EVENTS, ndjson, "--json", "--min-gain", "0"]));
    // 300 files, a link to a file, and the NDJSON file as one.
    expect(made.sources).toEqual({ offered: 302, taken: 302 });
    expect(made.report.samples).toBe(302);
  });

  test("prints the report in 80 columns, and says what to do next", async () => {
    const { code, output, errors } = await cli.run(["train", "--ndjson", ndjson, ...small]);
    expect({ code, errors }).toEqual({ code: 0, errors: "" });
    expect(output).toMatch(
      /^Dictionary \d+ of 8\.0 KiB, for level 1\nTrained on 540 different samples; on 60 others, without → with it:\n\n {2}size +values +ratio +compress µs +decompress µs +saved\n {2}256 B – 1 KiB +60 +\d\.\d\d → \d\.\d\d +\S+ → \S+ +\S+ → \S+ +[\d.]+ %\n\nNothing was kept: add "--out FILE", or "--publish PATTERN"\n$/,
    );
    if (!terminalAvailable()) return;
    const seen = await cli.terminal(["train", "--ndjson", ndjson, ...small]);
    expect(seen.code).toBe(0);
    for (const line of shown(seen.output).split("\n")) expect(widthOf(line)).toBeLessThanOrEqual(80);
    expect(seen.output).toContain("training on 600 samples");
    expect(shown(seen.output)).not.toContain("training on");
  });

  test("draws at random where there are more than it may take, the same each time", async () => {
    const args = ["train", "--ndjson", ndjson, ...small, "--samples", "200"];
    const [one, two] = [await cli.run([...args, "--json"]), await cli.run([...args, "--json"])];
    expect(jsonOf<Trained>(one).sources).toEqual({ offered: 600, taken: 200 });
    expect(jsonOf<Trained>(one).id).toBe(jsonOf<Trained>(two).id);
    const { dictionary: first } = await trainDictionary(records.slice(0, 200), { maxSize: 8192 });
    expect(jsonOf<Trained>(one).id).not.toBe(readDictionary(first).id);
    expect((await cli.run(args)).output).toMatch(
      /^200 of 600 samples taken, at random: as many as there is room for\n/,
    );
  });

  test("bounds what it reads: a line or a file of any length is one sample", async () => {
    const random = createRandom(3);
    const long = Array.from({ length: 300_000 }, () => random.pick(["alpha", "beta", "gamma"])).join(" ");
    writeFileSync(at("long.ndjson"), `${records.slice(0, 50).join("\n")}\n${long}\n\n${records[51]}`);
    const made = jsonOf<Trained>(
      await cli.run(["train", "--ndjson", at("long.ndjson"), at("long.ndjson"), "--json", "--min-gain", "0"]),
    );
    expect(made.sources).toEqual({ offered: 53, taken: 53 });
  });

  test("--show-text prints the text, and --json has it", async () => {
    const args = ["train", "--ndjson", ndjson, ...small, "--show-text"];
    const { output } = await cli.run(args);
    expect(output).toMatch(/^\nThe text in it, word for word from its samples \(\d+ pieces\):\n {2}/);
    expect(output).toContain("Mozilla/5.0 (X11; Linux x86_64");
    const { text } = jsonOf<Trained>(await cli.run([...args, "--json"]));
    expect(text!.join("")).toContain("Mozilla/5.0");
    expect(jsonOf<Trained>(await cli.run([...args.slice(0, -1), "--json"])).text).toBeUndefined();
  });

  test.runIf(zstdCliAvailable())("makes what zstd -D uses, as a dictionary and as raw content", async () => {
    const zstd = await loadZstd();
    for (const [name, more] of [
      ["made.dict", []],
      ["made.raw", ["--raw"]],
    ] as const) {
      const out = ["--out", at(name)];
      const { code } = await cli.run(["train", "--ndjson", ndjson, ...small, ...out, ...more]);
      expect(code).toBe(0);
      const content = bytesOf(at(name));
      const options = more.length === 0 ? { dictionary: readDictionary(content) } : { prefix: content };
      const frame = zstd.compress(records[7]!, options);
      expect(new TextDecoder().decode(zstdDecode(frame, ["-D", at(name)]))).toBe(records[7]);
      const theirs = execFileSync("zstd", ["-q", "-c", "-D", at(name)], { input: records[9] });
      expect(theirs.length).toBeLessThan(records[9]!.length / 2);
    }
    expect(readFileSync(at("made.raw")).includes("Mozilla/5.0")).toBe(true);
  });
});

describe("zstash train refuses", () => {
  test("to replace a file, unless it is told", async () => {
    writeFileSync(at("there"), "precious");
    const args = ["train", "--ndjson", ndjson, ...small, "--out", at("there")];
    const { code, output, errors } = await cli.run(args);
    expect({ code, output }).toEqual({ code: 1, output: "" });
    expect(errors).toMatch(
      /there: it is there already\. Choose another name, or add --force to replace it\n$/,
    );
    expect(readFileSync(at("there"), "utf8")).toBe("precious");
    expect((await cli.run([...args, "--force"])).code).toBe(0);
    expect(readDictionary(bytesOf(at("there"))).id).toBeGreaterThan(32_767);
    const nowhere = await cli.run([...args.slice(0, -1), at("no/such/file")]);
    expect(nowhere.errors).toMatch(/no\/such is no folder that can be written to\n$/);
    const folder = await cli.run([...args.slice(0, -1), EVENTS, "--force"]);
    expect(folder.errors).toMatch(/: it is there, and no file\n$/);
  });

  test("a dictionary that gains too little, and keeps nothing", async () => {
    const random = createRandom(5);
    const noise = Array.from({ length: 200 }, () => Buffer.from(random.bytes(300)).toString("base64"));
    const input = noise.map((text, index) => `common-head-${index % 5}-${text}`).join("\n");
    const args = ["train", "--ndjson", "-", "--out", at("useless")];
    const { code, output, errors } = await cli.run(args, { input });
    expect(code).toBe(1);
    expect(output).toMatch(/^Dictionary [^]* saved\n/);
    expect(errors).toMatch(
      /^The dictionary saves -?[\d.]+ % of the stored bytes, less than 10 %: it is not kept\. /,
    );
    const json = await cli.run([...args, "--json"], { input });
    expect(json.code).toBe(1);
    expect(jsonOf<Trained>(json)).toMatchObject({ out: null, published: null });
    expect(existsSync(at("useless"))).toBe(false);
    expect((await cli.run([...args, "--min-gain", "0.999"], { input: records.join("\n") })).code).toBe(1);
    expect(existsSync(at("useless"))).toBe(false);
  });

  test.each([
    ["", /10 different ones are needed, got 0\. There were none: /],
    ["a\nb\n\n\nb\n", /10 different ones are needed, got 2 [^]*Give more samples/],
    [Array.from({ length: 30 }, (_, n) => `${n * 7919}`).join("\n"), /in common[^]*--min-samples 1/],
  ])("samples that are none: %j", async (input, text) => {
    const { code, output, errors } = await cli.run(["train", "--ndjson", "-"], { input });
    expect({ code, output }).toEqual({ code: 1, output: "" });
    expect(errors).toMatch(text);
  });

  test.each([
    [["no-such-file"], 1, "Cannot read no-such-file: there is no such file"],
    [["--ndjson", "no-such-file"], 1, "Cannot read no-such-file: there is no such file"],
    [["--ndjson", "/"], 1, "Cannot read /: it is a folder"],
    [[], 2, "Cannot train without samples: name files or folders, or use --ndjson or --keys."],
    [["x", "--keys", "*"], 2, "Cannot train on files and on keys at once"],
    [["--keys", "*", "--key-list", "f"], 2, "Cannot use --keys together with --key-list"],
    [["--keys", ""], 2, "Cannot use --keys: a pattern is expected"],
    [["x", "--rate", "9"], 2, "Cannot use --rate without --keys or --key-list"],
    [["--key-list", "x", "--scan", "9"], 2, "Cannot use --scan without --keys"],
    [["x", "--force"], 2, "Cannot use --force without --out"],
    [["x", "--yes"], 2, "Cannot use --yes without --publish"],
    [["x", "--canary", "0.5"], 2, "Cannot use --canary without --publish"],
    [
      ["x", "--publish", "*"],
      2,
      "Cannot publish where nobody can be asked: read the text (--show-text) first",
    ],
    [["x", "--publish", "*", "--raw", "--yes"], 2, "Cannot publish raw content"],
    [["x", "--publish", "*", "--yes", "--max-size", "1M"], 2, "Cannot publish more than 524288 bytes"],
    [["x", "--publish", "*", "--yes"], 2, "Cannot train without a url: give --url or set"],
    [["--keys", "*"], 2, "Cannot train without a url: give --url or set"],
    [
      ["x", "--max-size", "12XB"],
      2,
      "Cannot use --max-size: a size in bytes, as 65536 or 64KB, from 1024 to",
    ],
    [["x", "--max-size", "1"], 2, "from 1024 to 16777216 is expected"],
    [["x", "--level", "23"], 2, "Cannot use --level: a whole number from -7 to 22 is expected"],
    [["x", "--min-samples", "0"], 2, "Cannot use --min-samples: a whole number from 1 to 255 is expected"],
    [["x", "--min-gain", "110%"], 2, "Cannot use --min-gain: a share from 0 to 1 is expected, as 0.1 or 10%"],
    [["x", "--out", "-"], 2, "Cannot use --out: a file is expected"],
    [["x", "--min-gian", "1"], 2, 'Did you mean "--min-gain"?'],
  ])("%j with exit code %i", async (args, code, text) => {
    const ended = await cli.run(["train", ...args]);
    expect({ code: ended.code, output: ended.output }).toEqual({ code, output: "" });
    expect(ended.errors).toContain(text);
  });
});

describe("zstash train, interrupted", () => {
  test("leaves what was there, at whatever moment, and ends by the signal", async () => {
    const folder = at("interrupted");
    mkdirSync(folder);
    writeFileSync(join(folder, "kept.dict"), "precious");
    const out = join(folder, "kept.dict");
    const many = at("many.ndjson");
    writeFileSync(many, sessionRecords(20_000).join("\n"));
    const { dictionary } = await trainDictionary(sessionRecords(20_000), { maxSize: 8192 });
    const signals = new Set<string | null>();
    for (const wait of [150, 400, 700, 1000, 1500]) {
      const args = ["train", "--ndjson", many, ...small, "--out", out, "--force"];
      const running = cli.start(args);
      setTimeout(() => running.child.kill("SIGINT"), wait);
      const { signal } = await running.ended;
      signals.add(signal);
      const content = bytesOf(out);
      if (signal === null) expect(content).toEqual(dictionary);
      else expect([new TextEncoder().encode("precious"), dictionary]).toContainEqual(content);
      writeFileSync(out, "precious");
    }
    expect(signals).toContain("SIGINT");
    expect(readdirSync(folder).filter((name) => !/^kept\.dict(\.\d+\.tmp)?$/.test(name))).toEqual([]);
  });

  test("a pipe that is closed early is no error", async () => {
    const line = `"$0" "$1" train --ndjson "$2" --max-size 8KB --show-text | head -3; echo "code \${PIPESTATUS[0]}"`;
    const child = spawn("bash", ["-c", line, process.execPath, cli.program(), ndjson]);
    const { output, errors } = await follow(child).ended;
    expect(errors).toBe("");
    expect(output.split("\n").length).toBe(5);
    expect(output).toMatch(/code 0\n$/);
  });
});

// Runtimes that are a program: the suite is a file, the report the last line it prints.

import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

const main = (server) => `import { report } from "./suite.mjs";
console.log(JSON.stringify(await report(${JSON.stringify(server)})));
`;

/**
 * Runs the suite in a program.
 * @param {import("../fixture.mjs").Fixture} fixture
 * @param {string} program
 * @param {readonly string[]} args what stands before the file's name
 */
export async function runProcess({ folder, server }, program, args = []) {
  const file = join(folder, "main.mjs");
  await writeFile(file, main(server));
  const output = await new Promise((resolve, reject) => {
    const options = {
      cwd: folder,
      maxBuffer: 64 << 20,
      timeout: 480_000,
      env: { ...process.env, NO_COLOR: "1" },
    };
    execFile(program, [...args, file], options, (error, stdout, stderr) => {
      if (error) reject(new Error(`${program} failed: ${error.message}\n${stderr.slice(-2000)}`));
      else resolve(stdout);
    });
  });
  return JSON.parse(output.trim().split("\n").at(-1));
}

/** The files of this repository, for tests that look at all of them. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The repository's folder, with a slash at its end. */
export const root: string = fileURLToPath(new URL("../../", import.meta.url));

export const read = (path: string): string => readFileSync(`${root}${path}`, "utf8");

/** The paths that a commit would hold; git lists them, whether they were added yet or not. */
export const tracked = (): string[] =>
  execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], {
    cwd: root,
    encoding: "utf8",
  })
    .split("\0")
    .filter((path) => path !== "" && existsSync(`${root}${path}`))
    .sort();

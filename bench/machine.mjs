/** What a machine is called in files of results. */
import { arch, cpus, release } from "node:os";

/** `epyc-7763-2-cores`: enough to tell files apart, and no host's name. */
export function machineSlug() {
  const words = (cpus()[0]?.model ?? "cpu").toLowerCase().replace(/\(r\)|\(tm\)|processor|cpu|@.*$/g, " ");
  const slug = words.replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
  return `${slug}-${cpus().length}-cores`;
}

export const machineName = () =>
  `${(cpus()[0]?.model ?? "unknown CPU").trim()}, ${cpus().length} cores, ${arch()}, Linux ${release().split("-")[0]}`;

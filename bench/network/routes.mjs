/** The paths of a routed lab: what its routers do to large packets. */
import { execFileSync } from "node:child_process";
import { SMALL_MTU } from "./lab.mjs";

/**
 * What a path does to packets above 1492 bytes. `hole`: such a packet is lost without a word.
 *
 * @typedef {{ small?: boolean, hole?: boolean, lock?: boolean, probing?: boolean, mss?: number }} PathKind
 */

/**
 * The paths of a routed lab.
 *
 * @type {readonly (PathKind & { readonly name: string })[]}
 */
export const pathKinds = [
  { name: "MTU 1500 throughout" },
  { name: "MTU 1492 in the middle, ICMP dropped (black hole)", small: true, hole: true },
  { name: "black hole, but the client's route says mtu lock 1492", small: true, hole: true, lock: true },
  { name: "black hole, but both ends probe (tcp_mtu_probing=1)", small: true, hole: true, probing: true },
  { name: "MSS 536 at both ends", mss: 536 },
  // Last, because what ICMP has told is remembered.
  { name: "MTU 1492 in the middle, ICMP works", small: true },
];

/**
 * Makes a routed lab's path one of `pathKinds`.
 *
 * The router drops its own ICMP by a routing rule: a kernel without netfilter has those too.
 *
 * @param {Pick<import("./lab.mjs").Lab, "id">} lab
 * @param {PathKind} kind
 */
export function setPath({ id }, { small = false, hole = false, lock = false, probing = false, mss }) {
  /** @param {string} side @param {string[]} words */
  const ip = (side, ...words) => execFileSync("ip", ["-n", `z${side}${id}`, ...words], { stdio: "pipe" });
  for (const router of ["a", "b"]) {
    ip(router, "link", "set", "t0", "mtu", `${small ? SMALL_MTU : 1500}`);
    const rules = ip(router, "rule", "list").toString();
    if (/^10:/m.test(rules)) ip(router, "rule", "del", "pref", "10");
    if (hole) ip(router, "rule", "add", "ipproto", "icmp", "blackhole", "pref", "10");
  }
  for (const [side, router] of [
    ["c", `10.8${id}.1.2`],
    ["s", `10.8${id}.3.1`],
  ]) {
    const limits = [
      ...(mss ? ["advmss", `${mss}`] : []),
      ...(lock && side === "c" ? ["mtu", "lock", `${SMALL_MTU}`] : []),
    ];
    ip(side, "route", "replace", "default", "via", router, "congctl", "cubic", ...limits);
    ip(side, "route", "flush", "cache");
    const probe = `net.ipv4.tcp_mtu_probing=${probing ? 1 : 0}`;
    execFileSync("ip", ["netns", "exec", `z${side}${id}`, "sysctl", "-qw", probe]);
  }
}

/** What a database costs at Upstash: from measured sizes to storage, traffic, commands and the plan. Without I/O. */

/** What a database uses in a month. */
export interface Usage {
  /** Bytes of keys and values. */
  readonly storage: number;
  /** Bytes of requests and replies in a month; undefined if unknown. */
  readonly bandwidth: number | undefined;
  /** Commands in a month; undefined if unknown. */
  readonly commands: number | undefined;
}

/** A plan with a monthly price, and what it includes. */
export interface Plan {
  readonly name: string;
  /** Dollars a month. */
  readonly price: number;
  readonly storage: number;
  readonly bandwidth: number;
  /** Commands a month; undefined for any number. */
  readonly commands?: number | undefined;
}

const MB: number = 2 ** 20;
const GB: number = 2 ** 30;
const TB: number = 2 ** 40;

/**
 * Upstash's prices in dollars, as its billing page stated them on this day. Units are powers of 1024 here, because
 * Upstash writes 10 MB where its server counts 10,485,760 bytes.
 */
export const PRICES_OF = "2026-06-18";

export const PLANS: readonly Plan[] = [
  { name: "Free", price: 0, storage: 256 * MB, bandwidth: 10 * GB, commands: 500_000 },
  { name: "250 MB", price: 10, storage: 250 * MB, bandwidth: 50 * GB },
  { name: "1 GB", price: 20, storage: GB, bandwidth: 100 * GB },
  { name: "5 GB", price: 100, storage: 5 * GB, bandwidth: 500 * GB },
  { name: "10 GB", price: 200, storage: 10 * GB, bandwidth: TB },
  { name: "50 GB", price: 400, storage: 50 * GB, bandwidth: 5 * TB },
  { name: "100 GB", price: 800, storage: 100 * GB, bandwidth: 10 * TB },
  { name: "500 GB", price: 1500, storage: 500 * GB, bandwidth: 20 * TB },
];

/** Pay as you go: dollars for each command and GB, and the free amounts. */
export interface PayAsYouGo {
  readonly storage: number;
  readonly perCommand: number;
  readonly storageFree: number;
  readonly perStorageGb: number;
  readonly bandwidthFree: number;
  readonly perBandwidthGb: number;
}

export const PAY_AS_YOU_GO: PayAsYouGo = {
  storage: 100 * GB,
  perCommand: 0.2 / 100_000,
  storageFree: GB,
  perStorageGb: 0.25,
  bandwidthFree: 200 * GB,
  perBandwidthGb: 0.03,
};

/** What pay as you go costs in a month, in dollars. Unknown amounts are left out. Undefined above its storage limit. */
export function payAsYouGo({ storage, bandwidth = 0, commands = 0 }: Usage): number | undefined {
  if (storage > PAY_AS_YOU_GO.storage) return undefined;
  const { perCommand, perStorageGb, perBandwidthGb, storageFree, bandwidthFree } = PAY_AS_YOU_GO;
  const stored = (Math.max(0, storage - storageFree) / GB) * perStorageGb;
  const moved = (Math.max(0, bandwidth - bandwidthFree) / GB) * perBandwidthGb;
  return commands * perCommand + stored + moved;
}

/**
 * The cheapest fixed plan that holds a usage; undefined if none does. A limit counts as kept if the usage is unknown,
 * except that Free needs to know all of them.
 */
export function smallestPlan({ storage, bandwidth, commands }: Usage): Plan | undefined {
  return PLANS.find((plan) => {
    if (plan.commands !== undefined && (commands === undefined || bandwidth === undefined)) return false;
    return (
      storage <= plan.storage &&
      (bandwidth ?? 0) <= plan.bandwidth &&
      (commands ?? 0) <= (plan.commands ?? Infinity)
    );
  });
}

/** What a usage costs on either kind of plan. */
export interface Cost {
  readonly plan: Plan | undefined;
  readonly payAsYouGo: number | undefined;
}

export function costOf(usage: Usage): Cost {
  return { plan: smallestPlan(usage), payAsYouGo: payAsYouGo(usage) };
}

/**
 * The usage after values have shrunk to `share` of their size: the number of commands stays, and traffic shrinks with
 * the values.
 */
export function usageAfter({ storage, bandwidth, commands }: Usage, saved: number, share: number): Usage {
  return {
    storage: storage - saved,
    bandwidth: bandwidth === undefined ? undefined : bandwidth * share,
    commands,
  };
}

/** What a usage costs: limits of plans, what is free, and what is not known. */
import { describe, expect, test } from "vitest";
import { costOf, payAsYouGo, PLANS, smallestPlan, usageAfter } from "../../../src/cli/cost-model.ts";

const MB = 2 ** 20;
const GB = 2 ** 30;
const usage = (storage: number, bandwidth?: number, commands?: number) => ({ storage, bandwidth, commands });

describe("the smallest plan", () => {
  test.each([
    ["Free", usage(200 * MB, GB, 1000)],
    ["250 MB", usage(200 * MB, GB, 600_000)],
    ["250 MB", usage(200 * MB)],
    ["1 GB", usage(200 * MB, 60 * GB)],
    ["1 GB", usage(251 * MB)],
    ["250 MB", usage(250 * MB, 50 * GB)],
    ["500 GB", usage(101 * GB)],
    [undefined, usage(501 * GB)],
    [undefined, usage(GB, 21 * 1024 * GB)],
  ])("is %s", (name, used) => {
    expect(smallestPlan(used)?.name).toBe(name);
  });

  test("larger ones cost more, and hold more", () => {
    for (const [index, plan] of PLANS.slice(2).entries()) {
      expect(plan.price).toBeGreaterThan(PLANS[index + 1]!.price);
      expect(plan.storage).toBeGreaterThan(PLANS[index + 1]!.storage);
    }
  });
});

describe("pay as you go", () => {
  test.each([
    [0, usage(GB)],
    [0.25, usage(2 * GB)],
    [2, usage(0, 0, 1_000_000)],
    [3, usage(0, 300 * GB)],
    [undefined, usage(101 * GB)],
  ])("is %s dollars", (dollars, used) => {
    if (dollars === undefined) expect(payAsYouGo(used)).toBe(undefined);
    else expect(payAsYouGo(used)).toBeCloseTo(dollars, 10);
  });
});

test("values half as large make half of the traffic and as many commands", () => {
  const before = usage(2 * GB, 100 * GB, 5);
  expect(usageAfter(before, GB, 0.5)).toEqual(usage(GB, 50 * GB, 5));
  expect(costOf(before).plan?.name).toBe("5 GB");
  expect(costOf(usageAfter(before, GB, 0.5)).plan?.name).toBe("1 GB");
});

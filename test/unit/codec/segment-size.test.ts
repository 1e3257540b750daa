import { describe, expect, test } from "vitest";
import { segmentSize } from "../../../src/codec/segment-size.ts";
import type { SegmentOptions } from "../../../src/codec/segment-size.ts";

describe("segmentSize", () => {
  test.each<[SegmentOptions, number]>([
    [{ mtu: 1500 }, 1500 - 40 - 32 - 29 - 9],
    [{ mtu: 1500, http: 1 }, 1500 - 40 - 32 - 29 - 8],
    [{ mtu: 1500, tls: false }, 1500 - 40 - 32 - 9],
    [{ mtu: 1500, tls: false, http: 1 }, 1420],
    [{ mtu: 1492 }, 1382],
    [{ mtu: 1280 }, 1170],
    [{ mtu: 576 }, 466],
    [{ mtu: 9000 }, 8890],
    [{ mtu: 65536 }, 65426],
  ])("%o leaves %i bytes", (options, size) => {
    expect(segmentSize(options)).toBe(size);
  });

  test("the whole packet is within the MTU with the largest headers", () => {
    for (let mtu = 576; mtu <= 9000; mtu++) {
      for (const tls of [true, false]) {
        const chunk = segmentSize({ mtu, tls, http: 1 });
        const framing = chunk.toString(16).length + "\r\n".length * 2;
        expect(chunk + framing + (tls ? 29 : 0) + 32 + 40).toBeLessThanOrEqual(mtu);
        expect(chunk).toBeGreaterThanOrEqual(64);
      }
    }
  });

  test.each([575, 0, -1, 1500.5, NaN, Infinity, 65537])("refuses an MTU of %d", (mtu) => {
    expect(() => segmentSize({ mtu })).toThrow(RangeError);
  });

  test.each<[string, unknown]>([
    ["mtu", { mtu: "1500" }],
    ["mtu", {}],
    ["tls", { mtu: 1500, tls: 1 }],
  ])("refuses a wrong type of %s", (name, options) => {
    expect(() => segmentSize(options as SegmentOptions)).toThrow(TypeError);
    expect(() => segmentSize(options as SegmentOptions)).toThrow(`"${name}"`);
  });

  test("refuses HTTP/3, which has no TCP segments", () => {
    expect(() => segmentSize({ mtu: 1500, http: 3 as 2 })).toThrow(RangeError);
  });
});

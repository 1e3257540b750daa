/** How the module that lies in JavaScript is unpacked where there is no Node: with the platform's base64 and without it. */
import { deflateRawSync } from "node:zlib";
import { afterEach, describe, expect, test, vi } from "vitest";
import { rejection } from "../../support/rejection.ts";

/** The smallest module: its magic and its version. */
const bytes = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
const base64 = deflateRawSync(bytes).toString("base64");

type Platform = typeof Uint8Array & { fromBase64?: (text: string) => Uint8Array };

describe("a module in base64", () => {
  afterEach(() => void vi.unstubAllGlobals());

  /** The adapter as it loads in a realm whose base64 is this. */
  async function load(fromBase64: Platform["fromBase64"]): Promise<(text: string) => Promise<unknown>> {
    vi.resetModules();
    const Stub = class extends Uint8Array {};
    Object.defineProperty(Stub, "fromBase64", { value: fromBase64 });
    vi.stubGlobal("Uint8Array", Stub);
    const { inflateModule } = await import("../../../src/adapters/inflate.ts");
    return inflateModule;
  }

  test("is decoded by the platform where that can", async () => {
    const asked: string[] = [];
    const inflate = await load((text) => {
      asked.push(text);
      return Buffer.from(text, "base64");
    });
    expect(await inflate(base64)).toBeInstanceOf(WebAssembly.Module);
    expect(asked).toEqual([base64]);
  });

  test("is decoded where it cannot", async () => {
    expect(await (await load(undefined))(base64)).toBeInstanceOf(WebAssembly.Module);
  });

  test.each(["!", "A", "AAAA"])("that is damaged rejects: %s", async (text) => {
    expect(await rejection((await load(undefined))(text))).toBeInstanceOf(Error);
  });
});

/** A fleet for a rollout: twenty clients of every kind, version, mode and carrier on one database, and what each can read. */
import {
  createRequester,
  withCompression,
  zstashCode,
  type CompressionMode,
} from "../../../src/upstash/index.ts";
import { Redis as StockRedis, type RedisConfigNodejs } from "@upstash/redis";
import { readFrameHeader } from "../../../src/index.ts";
import { Redis, type RedisConfig } from "../../../src/redis.ts";
import { createStore, type Store } from "../../../src/store/index.ts";
import { fromTextCarrier } from "../../../src/value/carrier.ts";
import { formOf } from "../../../src/value/form.ts";
import type { ZstashEvent } from "../../../src/metrics/events.ts";
import type { Frozen } from "../../support/frozen.ts";

/** How a value lies in Redis. */
export type Form = "plain" | "text" | "raw" | "text with a dictionary" | "raw with a dictionary";

export interface Address {
  readonly url: string;
  readonly token: string;
}

/** A client of the fleet. */
export interface Member {
  readonly name: string;
  /** What it can read; of anything else it says that it cannot, or shows what a stock client would. */
  readonly reads: ReadonlySet<Form>;
  /** A client without zstash, or one that looks through: of frames it shows base64 or broken text. */
  readonly looksThrough: boolean;
  /** Undefined for those that only read. */
  readonly writes: "plain" | "compressed" | undefined;
  readonly client: Pick<StockRedis, "get" | "set" | "mget">;
}

/** How far a rollout is: what each writer of the fleet does. */
export interface Step {
  readonly name: string;
  /** The mode of a writer, by its number. */
  readonly mode: (index: number) => CompressionMode;
  /** Whether carriers and dictionaries are mixed; else every frame is text, without a dictionary. */
  readonly mixed: boolean;
}

const PLAIN: readonly Form[] = ["plain"];
const TEXT: readonly Form[] = [...PLAIN, "text"];
const BYTES: readonly Form[] = [...TEXT, "raw"];
const ALL: readonly Form[] = [...BYTES, "text with a dictionary", "raw with a dictionary"];

/** What a fleet is made with. */
export interface FleetOptions {
  readonly address: Address;
  readonly frozen: Frozen;
  readonly dictionaries: readonly Uint8Array[];
  readonly onEvent: (event: ZstashEvent) => void;
}

/** Deploys a fleet: twenty clients, as a step has them. */
export function deploy(
  { mode, mixed }: Step,
  { address, frozen, dictionaries, onEvent }: FleetOptions,
): readonly Member[] {
  const config = {
    ...address,
    enableTelemetry: false,
    automaticDeserialization: false,
    retry: false,
  } as const;
  const stock = (more: object = {}): StockRedis =>
    new StockRedis({ ...config, ...more } as unknown as RedisConfigNodejs);
  let index = 0;
  const next = (): { mode: CompressionMode; onEvent: typeof onEvent } => ({ mode: mode(index++), onEvent });
  const own = (compression: object): StockRedis =>
    new Redis({ ...config, compression } as unknown as RedisConfig) as unknown as StockRedis;
  const raw = mixed ? "raw" : "text";
  const withList = mixed ? { dictionaries } : {};
  const withAuto = mixed ? { dictionaries: "auto" } : {};

  const member = (
    name: string,
    reads: readonly Form[],
    client: Member["client"],
    used?: { readonly mode: CompressionMode },
  ): Member => {
    const through = used?.mode === "passthrough" || reads.length === PLAIN.length;
    const writes = used === undefined ? undefined : used.mode === "on" ? "compressed" : "plain";
    const set = new Set(used?.mode === "passthrough" ? PLAIN : reads);
    return { name, reads: set, looksThrough: through, writes, client };
  };
  const made = (
    name: string,
    reads: readonly Form[],
    make: (used: ReturnType<typeof next>) => Member["client"],
  ): Member => {
    const used = next();
    return member(`${name}, ${used.mode}`, reads, make(used), used);
  };
  return [
    made("zstash/redis", BYTES, (used) => own({ ...used, carrier: raw })),
    made("zstash/redis of text", BYTES, (used) => own({ ...used, carrier: "text" })),
    made("zstash/redis with a list", mixed ? ALL : BYTES, (used) =>
      own({ ...used, carrier: raw, ...withList }),
    ),
    made("zstash/redis with a list, of text", mixed ? ALL : BYTES, (used) =>
      own({ ...used, carrier: "text", ...withList }),
    ),
    made("zstash/redis with auto", mixed ? ALL : BYTES, (used) =>
      own({ ...used, carrier: raw, ...withAuto }),
    ),
    made("zstash/redis with a policy", BYTES, (used) =>
      own({ ...used, carrier: raw, policy: ({ size }: { size: number }) => (size > 15_000 ? false : {}) }),
    ),
    made(
      "zstash/redis without pipelining",
      BYTES,
      (used) =>
        new Redis({
          ...config,
          enableAutoPipelining: false,
          compression: { ...used, carrier: raw },
        } as unknown as RedisConfig) as unknown as StockRedis,
    ),
    made("zstash/redis, another", BYTES, (used) => own({ ...used, carrier: raw })),
    made("createRequester", BYTES, (used) => {
      const requester = createRequester({ ...address, compression: { ...used, carrier: raw } });
      return new StockRedis(requester as never);
    }),
    made("withCompression", TEXT, (used) => withCompression(stock(), used)),
    made("withCompression with a list", mixed ? [...TEXT, "text with a dictionary"] : TEXT, (used) =>
      withCompression(stock(), { ...used, ...withList }),
    ),
    made("withCompression without pipelining", TEXT, (used) =>
      withCompression(stock({ enableAutoPipelining: false }), used),
    ),
    made("0.1.0", TEXT, ({ mode: asked }) => frozen.withCompression(stock(), { mode: asked })),
    made("0.1.0, another", TEXT, ({ mode: asked }) => frozen.withCompression(stock(), { mode: asked })),
    // Its transport sends bytes whatever it is asked for, so it waits for the step that mixes.
    made("0.1.0 of bytes", BYTES, ({ mode: asked }) =>
      frozen.withCompression(stock(), { mode: mixed || asked !== "on" ? asked : "read-only", ...address }),
    ),
    member("zstash/redis that only reads", BYTES, own({ mode: "read-only" })),
    member("withCompression that only reads", TEXT, withCompression(stock(), { mode: "read-only" })),
    member("0.1.0 that only reads", TEXT, frozen.withCompression(stock(), { mode: "read-only" })),
    member("a stock client", PLAIN, stock()),
    member("a stock client without pipelining", PLAIN, stock({ enableAutoPipelining: false })),
  ];
}

/** Stores of both versions. They have no modes: what is put is compressed. */
export function deployStores({ address, frozen }: FleetOptions): readonly Store[] {
  return [createStore(address), frozen.createStore(address), createStore({ ...address, pieceSize: 4096 })];
}

/** How a value lies, by its bytes. */
export function formIn(bytes: Uint8Array): Form {
  const form = formOf(bytes);
  if (form === "plain") return "plain";
  const frame = form === "text" ? fromTextCarrier(new TextDecoder().decode(bytes)) : bytes;
  const carrier = form === "text" ? "text" : "raw";
  return readFrameHeader(frame).dictionaryId === 0 ? carrier : `${carrier} with a dictionary`;
}

/** True for what a client without zstash shows of a frame. */
export const showsFrame = (text: string): boolean => /^(zs1:KLUv\/|\(\uFFFD\/\uFFFD)/.test(text);

/** Code by which a client says that it cannot read a form; undefined for any other failure. */
export function refusalIn(error: unknown): string | undefined {
  const code = zstashCode(error);
  return code === "UNSUPPORTED" || code === "DICTIONARY_UNKNOWN" ? code : undefined;
}

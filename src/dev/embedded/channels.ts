import type { RespValue } from "../../rest/resp.ts";
import { toBinary, utf8 } from "../text.ts";
import { ByteMap } from "./byte-map.ts";
import { matchesGlob } from "./glob.ts";
import { array, bulk, integer } from "./replies.ts";

/** Bytes that may wait for a slow reader before it is cut off, as in Redis' own limit for subscribers. */
const MAX_WAITING = 32 * 1024 * 1024;
/** What a push costs beside its payload. */
const PUSH_OVERHEAD = 128;

/** One subscriber: what it listens to, and how it is told. */
interface Subscriber {
  readonly names: ByteMap<true>;
  readonly isPattern: boolean;
  push(items: readonly Uint8Array[], count?: number): void;
  end(): void;
}

/** Who listens to what is published. */
export class Channels {
  readonly #subscribers = new Set<Subscriber>();

  /** Listen to channels, or to the channels that match patterns. The stream begins with a confirmation for each. */
  subscribe(names: readonly Uint8Array[], isPattern: boolean): ReadableStream<RespValue> {
    const subscribers = this.#subscribers;
    let subscriber: Subscriber | undefined;
    return new ReadableStream<RespValue>(
      {
        start: (controller) => {
          const end = (): void => void (subscribers.delete(current) && controller.close());
          const current: Subscriber = {
            names: new ByteMap(),
            isPattern,
            end,
            push(items, count) {
              controller.enqueue(
                array([...items.map(bulk), ...(count === undefined ? [] : [integer(count)])]),
              );
              if ((controller.desiredSize ?? 0) <= 0) end();
            },
          };
          subscribers.add(current);
          for (const name of names) {
            current.names.set(name, true);
            current.push([utf8(isPattern ? "psubscribe" : "subscribe"), name], current.names.size);
          }
          subscriber = current;
        },
        cancel: () => {
          if (subscriber !== undefined) subscribers.delete(subscriber);
        },
      },
      { highWaterMark: MAX_WAITING, size: pushSize },
    );
  }

  /** Tell everybody who listens. Returns how often it was told: once a channel, once a pattern that matches. */
  publish(channel: Uint8Array, message: Uint8Array): number {
    const text = toBinary(channel);
    let told = 0;
    for (const subscriber of this.#subscribers) {
      if (!subscriber.isPattern && subscriber.names.has(channel)) {
        subscriber.push([utf8("message"), channel, message]);
        told++;
      }
    }
    for (const subscriber of this.#subscribers) {
      if (!subscriber.isPattern) continue;
      for (const pattern of subscriber.names.keys()) {
        if (!matchesGlob(toBinary(pattern), text)) continue;
        subscriber.push([utf8("pmessage"), pattern, channel, message]);
        told++;
      }
    }
    return told;
  }

  /** The names that are listened to, channels or patterns, with how many listen. */
  counts(isPattern: boolean): ByteMap<number> {
    const counts = new ByteMap<number>();
    for (const subscriber of this.#subscribers) {
      if (subscriber.isPattern !== isPattern) continue;
      for (const name of subscriber.names.keys()) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return counts;
  }

  /** End every subscription. */
  close(): void {
    for (const subscriber of this.#subscribers) subscriber.end();
  }
}

function pushSize(pushed: RespValue): number {
  if (pushed.kind !== "array" || pushed.items === null) return PUSH_OVERHEAD;
  return pushed.items.reduce(
    (size, item) => size + (item.kind === "bulk" ? (item.bytes?.length ?? 0) : 0),
    PUSH_OVERHEAD,
  );
}

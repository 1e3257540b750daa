/** The channels of the embedded keyspace: their subscribers, and the pushes that these get. */
import type { RespValue } from "../../rest/resp.ts";
import { toBinary, utf8 } from "../text.ts";
import { ByteMap } from "./byte-map.ts";
import { matchesGlob } from "../../dictionaries/glob.ts";
import { array, bulk, integer } from "./replies.ts";

/** Bytes that may wait for a slow reader before its subscription ends; Redis has the same limit for subscribers. */
const MAX_WAITING = 32 * 1024 * 1024;
/** The bytes that a push counts in addition to its payload. */
const PUSH_OVERHEAD = 128;

/** One subscriber to channels, or to patterns. */
interface Subscriber {
  readonly names: ByteMap<true>;
  readonly isPattern: boolean;
  push(items: readonly Uint8Array[], count?: number): void;
  end(): void;
}

/** All subscribers, and what is published to them. */
export class Channels {
  readonly #subscribers = new Set<Subscriber>();

  /** Subscribes to channels, or to the channels that match patterns. The stream begins with a confirmation for each. */
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

  /** Pushes a message to all subscribers. Returns the number of pushes, one for each channel or pattern that matches. */
  publish(channel: Uint8Array, message: Uint8Array): number {
    const text = toBinary(channel);
    let pushes = 0;
    for (const subscriber of this.#subscribers) {
      if (!subscriber.isPattern && subscriber.names.has(channel)) {
        subscriber.push([utf8("message"), channel, message]);
        pushes++;
      }
    }
    for (const subscriber of this.#subscribers) {
      if (!subscriber.isPattern) continue;
      for (const pattern of subscriber.names.keys()) {
        if (!matchesGlob(toBinary(pattern), text)) continue;
        subscriber.push([utf8("pmessage"), pattern, channel, message]);
        pushes++;
      }
    }
    return pushes;
  }

  /** The channels or patterns that have subscribers, with the number of subscribers. */
  counts(isPattern: boolean): ByteMap<number> {
    const counts = new ByteMap<number>();
    for (const subscriber of this.#subscribers) {
      if (subscriber.isPattern !== isPattern) continue;
      for (const name of subscriber.names.keys()) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return counts;
  }

  /** Ends every subscription. */
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

/** Slow waits inside a codec are told on the channel "zstash:wait", quick ones are not. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { expect, test } from "vitest";
import { loadZstd } from "../../../src/index.ts";
import { Pace } from "../../../src/codec/pace.ts";

/** What the channel tells while `work` runs. */
async function told(work: () => Promise<unknown>): Promise<unknown[]> {
  const messages: unknown[] = [];
  const listener = (message: unknown): void => void messages.push(message);
  subscribe("zstash:wait", listener);
  try {
    await work();
  } finally {
    unsubscribe("zstash:wait", listener);
  }
  return messages;
}

test("a stream that waits for memory which others hold", async () => {
  // Room for one stream of this level.
  const zstd = await loadZstd({ memoryLimit: 8 << 20 });
  const start = (): ReadableStreamDefaultReader<Uint8Array> => {
    const source = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(1 << 20)),
    });
    return source.pipeThrough(zstd.compressStream({ level: 1, parameters: { windowLog: 22 } })).getReader();
  };
  const first = start();
  await first.read();
  const held: ReadableStreamDefaultReader<Uint8Array>[] = [];
  const messages = await told(async () => {
    const reads = Array.from({ length: 8 }, () => {
      const reader = start();
      held.push(reader);
      return reader.read();
    });
    setTimeout(() => void first.cancel(), 200);
    // Each that has read leaves room for the next.
    await Promise.all(reads.map((read, index) => read.then(() => held[index]!.cancel())));
  });
  expect(messages.length).toBeGreaterThan(0);
  expect(messages[0]).toMatchObject({ type: "wait", for: "memory" });
  expect((messages[0] as { ms: number }).ms).toBeGreaterThanOrEqual(100);
});

test("work that waits for its turn while other work holds the loop", async () => {
  const busy = (ms: number): void => {
    for (const until = Date.now() + ms; Date.now() < until;);
  };
  const messages = await told(async () => {
    const waiting = new Pace().spend(2 << 20);
    busy(150);
    await waiting;
  });
  expect(messages).toMatchObject([{ type: "wait", for: "turn" }]);
});

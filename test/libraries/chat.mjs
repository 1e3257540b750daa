// Conversations in lists: LangChain's history, and messages in the way of the AI SDK, with a dictionary that was trained
// on other conversations.
import { UpstashRedisChatMessageHistory } from "@langchain/community/stores/message/upstash_redis";
import {
  AIMessage,
  HumanMessage,
  mapChatMessagesToStoredMessages,
  ToolMessage,
} from "@langchain/core/messages";
import { createRandom } from "../support/random.ts";
import { trainDictionary } from "../../src/train/index.ts";

const topics =
  "invoice|refund|delivery date|password|export of my data|price of the team plan|webhook|time zone|broken link|old order".split(
    "|",
  );
const asks = [
  "How do I change the",
  "Why is there no",
  "Can you tell me about the",
  "Please check the",
  "Where is the",
];
const answers = [
  "You find it under Settings, in the section Account. If it is not there, ask the owner of your team.",
  "It was sent on Monday and should arrive within three working days.",
  "I have looked at your account: everything is in order, and nothing has to be done.",
  "That needs the rights of an administrator. Shall I ask one for you?",
  "There was a short interruption this morning, which is over. Please try again and tell me if it fails.",
];

/** The messages of a conversation, by its number: questions, calls of a tool, its results, answers. */
function conversation(number, turns = 6) {
  const random = createRandom(7000 + number);
  const hex = (digits) => Buffer.from(random.bytes(digits / 2)).toString("hex");
  return Array.from({ length: turns }, () => {
    const [topic, call] = [random.pick(topics), `call_${hex(24)}`];
    const usage = { input_tokens: 200 + random.below(900), output_tokens: 20 + random.below(200) };
    return [
      new HumanMessage({
        id: hex(32),
        content: `${random.pick(asks)} ${topic}? My number is ${random.below(1e6)}.`,
      }),
      new AIMessage({
        id: `chatcmpl-${hex(28)}`,
        content: "",
        tool_calls: [
          { id: call, name: "lookup", args: { topic, customer: random.below(1e6) }, type: "tool_call" },
        ],
        usage_metadata: { ...usage, total_tokens: usage.input_tokens + usage.output_tokens },
        response_metadata: {
          finish_reason: "tool_calls",
          model_name: "model-4",
          system_fingerprint: `fp_${hex(10)}`,
        },
      }),
      new ToolMessage({
        content: JSON.stringify({
          topic,
          status: random.pick(["open", "closed"]),
          updated: 1.76e12 + random.below(1e9),
        }),
        tool_call_id: call,
        name: "lookup",
      }),
      new AIMessage({
        id: `chatcmpl-${hex(28)}`,
        content: `About the ${topic}: ${random.pick(answers)}`,
        usage_metadata: { ...usage, total_tokens: usage.input_tokens + usage.output_tokens },
        response_metadata: {
          finish_reason: "stop",
          model_name: "model-4",
          system_fingerprint: `fp_${hex(10)}`,
        },
      }),
    ];
  }).flat();
}

/** The same in the shape of the AI SDK's UIMessage. */
const asParts = (message, index) => ({
  id: message.id ?? `msg-${index}`,
  role: message.getType() === "human" ? "user" : "assistant",
  parts: [{ type: "text", text: message.content, state: "done" }],
  metadata: { createdAt: 1_764_000_000_000 + index, model: "model-4" },
});

/** LangChain's history: LPUSH for each message, LRANGE for all. */
export async function langchainHistory(redis) {
  const histories = Array.from(
    { length: 20 },
    (_, n) => new UpstashRedisChatMessageHistory({ sessionId: `chat:${n}`, client: redis }),
  );
  await Promise.all(
    histories.map(async (history, n) => {
      for (const message of conversation(n)) await history.addMessage(message);
    }),
  );
  const all = await Promise.all(histories.map((history) => history.getMessages()));
  await histories[3].clear();
  return [all.map(mapChatMessagesToStoredMessages), await histories[3].getMessages()];
}

/** A chat memory as people write it: RPUSH of what is new, LTRIM, LRANGE of the last ones. */
export async function chatMemory(redis) {
  const numbers = Array.from({ length: 20 }, (_, n) => n);
  await Promise.all(
    numbers.map(async (n) => {
      for (const [index, message] of conversation(n).entries())
        await redis
          .pipeline()
          .rpush(`memory:${n}`, asParts(message, index))
          .ltrim(`memory:${n}`, -20, -1)
          .exec();
    }),
  );
  return Promise.all(numbers.map((n) => redis.lrange(`memory:${n}`, -10, -1)));
}

let trained;

/** Lists of all keys, with a dictionary of a hundred other conversations. */
export async function chatCompression() {
  trained ??= trainDictionary(
    Array.from({ length: 100 }, (_, n) => conversation(1000 + n)).flatMap((messages) => [
      ...mapChatMessagesToStoredMessages(messages).map((one) => JSON.stringify(one)),
      ...messages.map((one, index) => JSON.stringify(asParts(one, index))),
    ]),
  );
  return { policy: { lists: true }, dictionaries: [(await trained).dictionary] };
}

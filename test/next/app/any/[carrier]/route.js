// Reads and writes any value.
import { clients } from "../../clients/all.js";

/** Answers with the word of one of many values. */
export async function GET(request, { params }) {
  const { carrier } = await params;
  const key = new URL(request.url).searchParams.get("key");
  const value = await clients[carrier].read(key);
  return new Response(`value=${value?.word} count=${value?.filler.length};`);
}

export async function POST(request, { params }) {
  const { carrier } = await params;
  const key = new URL(request.url).searchParams.get("key");
  await clients[carrier].write(key, await request.json());
  return new Response("written");
}

// A page that reads one key twice.
import { clients } from "../../../clients/all.js";

/** Reads, writes and reads again: Next.js must not take the second read for the first. */
export default async function Page({ params }) {
  const { carrier } = await params;
  const key = `${carrier}:again:value`;
  const client = clients[carrier];
  const before = await client.read(key);
  await client.write(key, { ...before, word: `${before.word}+` });
  const after = await client.read(key);
  return <p>value={`${before.word} ${after.word}`};</p>;
}

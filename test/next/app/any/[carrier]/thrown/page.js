// A page that Next.js ends by throwing.
import { notFound, redirect } from "next/navigation";
import { clients } from "../../../clients/all.js";

const ends = { notFound: () => notFound(), redirect: () => redirect("/?word=hook") };

/** Ends itself: after a read, or inside a request of its client, which must let the end pass and send nothing. */
export default async function Page({ params, searchParams }) {
  const { carrier } = await params;
  const { end } = await searchParams;
  const client = clients[carrier];
  if (end === "after") redirect(`/?word=${(await client.read(`${carrier}:thrown:value`)).word}`);
  const hooked = client.hooked(ends[end]);
  await hooked.write(`${carrier}:thrown:other`, { word: "never" });
  return <p>value={(await hooked.read(`${carrier}:thrown:value`)).word};</p>;
}

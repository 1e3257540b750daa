import { notFound } from "next/navigation";
import { client } from "../../clients/CARRIER.js";

export default async function Page() {
  if ((await client.read("CARRIER:not-found:missing")) === null) notFound();
  return <p>found</p>;
}

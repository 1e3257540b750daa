// A page that is there when its value is.
import { notFound } from "next/navigation";
import { client } from "../../clients/stock.js";

export default async function Page() {
  if ((await client.read("stock:not-found:missing")) === null) notFound();
  return <p>found</p>;
}

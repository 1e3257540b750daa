import { cacheTag } from "next/cache";
import { client } from "../../clients/CARRIER.js";
import { look } from "../../clients/look.js";

async function keep() {
  "use cache";
  cacheTag("CARRIER");
  return look(client, "CARRIER", "cached");
}

export default async function Page() {
  return <p>{await keep()}</p>;
}

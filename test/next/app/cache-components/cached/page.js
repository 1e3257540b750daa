// A page of Cache Components over "use cache".
import { cacheTag } from "next/cache";
import { client } from "../../clients/stock.js";
import { look } from "../../clients/look.js";

async function keep() {
  "use cache";
  cacheTag("stock");
  return look(client, "stock", "cached");
}

export default async function Page() {
  return <p>{await keep()}</p>;
}

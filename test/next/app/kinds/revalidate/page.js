// A page that may be an hour old, as far as Next.js goes.
import { client } from "../../clients/stock.js";
import { look } from "../../clients/look.js";

export const revalidate = 3600;

export default async function Page() {
  return <p>{await look(client, "stock", "revalidate")}</p>;
}

// A page that says that it is static.
import { client } from "../../clients/stock.js";
import { look } from "../../clients/look.js";

export const dynamic = "force-static";

export default async function Page() {
  return <p>{await look(client, "stock", "force-static")}</p>;
}

import { client } from "../../clients/CARRIER.js";
import { look } from "../../clients/look.js";

export const dynamic = "force-static";

export default async function Page() {
  return <p>{await look(client, "CARRIER", "force-static")}</p>;
}

import { client } from "../../clients/CARRIER.js";
import { look } from "../../clients/look.js";

export const revalidate = 3600;

export default async function Page() {
  return <p>{await look(client, "CARRIER", "revalidate")}</p>;
}

import { client } from "../../clients/CARRIER.js";
import { look } from "../../clients/look.js";

export async function GET() {
  return new Response(await look(client, "CARRIER", "route"));
}

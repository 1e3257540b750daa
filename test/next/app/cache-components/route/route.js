// A route handler beside Cache Components.
import { client } from "../../clients/stock.js";
import { look } from "../../clients/look.js";

export async function GET() {
  return new Response(await look(client, "stock", "route"));
}

// A GET handler that says nothing, which Next.js 14 takes for static where it can.
import { client } from "../../clients/stock.js";
import { look } from "../../clients/look.js";

export async function GET() {
  return new Response(await look(client, "stock", "route"));
}

// A download of a large value.
import { clients } from "../../../clients/all.js";

/** Sends a stored value as it comes, for as long as somebody reads. */
export async function GET(request, { params }) {
  const { carrier } = await params;
  const key = new URL(request.url).searchParams.get("key");
  return new Response(await clients[carrier].open(key));
}

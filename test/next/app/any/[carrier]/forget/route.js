// Ends what Next.js keeps for a carrier.
import { revalidateTag } from "next/cache";

export async function POST(request, { params }) {
  const { carrier } = await params;
  // The second argument is Next.js 16's: at once, not after the next visitor.
  revalidateTag(carrier, { expire: 0 });
  return new Response("forgotten");
}

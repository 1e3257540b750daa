// A page over `unstable_cache`.
import { unstable_cache } from "next/cache";
import { clients } from "../../../clients/all.js";
import { look } from "../../../clients/look.js";

/** Shows what Next.js keeps until /any/[carrier]/forget. */
export default async function Page({ params }) {
  const { carrier } = await params;
  const keep = unstable_cache(() => look(clients[carrier], carrier, "kept"), [carrier], { tags: [carrier] });
  return <p>{await keep()}</p>;
}

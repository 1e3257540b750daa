// Forgets what has a tag, or a path.

import { revalidatePath, revalidateTag } from "next/cache";

export async function POST(request) {
  const { searchParams } = new URL(request.url);
  for (const tag of searchParams.getAll("tag")) revalidateTag(tag, { expire: 0 });
  for (const tag of searchParams.getAll("stale")) revalidateTag(tag, "max");
  for (const path of searchParams.getAll("path")) revalidatePath(path);
  return new Response("forgotten");
}

// Next.js 15 has the function under another name.

import * as cache from "next/cache";

export const cacheTag = cache.cacheTag ?? cache.unstable_cacheTag;

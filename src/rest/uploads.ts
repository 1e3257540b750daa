/** The uploads that are running, by server: those that share a link also share the time that it takes. */
import { now } from "../timers.ts";

/** Bytes a second below which an upload counts as stalled: 256 kbit/s. */
export const SLOWEST_UPLOAD: number = 32 << 10;
/** Smaller bodies are not counted and need no share: they take a second or two. */
export const UPLOAD_MIN: number = 64 << 10;
/** An upload no longer counts after this many times its own time; Workers drop requests without notice. */
const SHARED_BY = 8;

interface Upload {
  readonly bytes: number;
  readonly until: number;
}
const uploads = new Map<string, Set<Upload>>();

/** Milliseconds that a number of bytes takes at `SLOWEST_UPLOAD`. */
export const slowestTime = (bytes: number): number => Math.ceil((bytes * 1000) / SLOWEST_UPLOAD);

/** A body that is being uploaded. */
export interface UploadShare {
  /** Milliseconds that all current uploads to the same server take, including this one. */
  time(): number;
  /** Ends the share: the body has arrived, or nobody waits for it any more. */
  end(): void;
}

/** Counts a body of which `bytes` may be on their way unseen, `UPLOAD_MIN` or more. */
export function startUpload(url: string, bytes: number): UploadShare {
  const origin = url.slice(0, url.indexOf("/", url.indexOf("//") + 2) + 1 || url.length);
  const own: Upload = { bytes, until: now() + SHARED_BY * slowestTime(bytes) };
  const all = uploads.get(origin) ?? new Set();
  uploads.set(origin, all.add(own));
  return {
    time() {
      let sum = bytes;
      const time = now();
      for (const one of all) {
        if (one === own) continue;
        if (time > one.until) all.delete(one);
        else sum += one.bytes;
      }
      return slowestTime(sum);
    },
    end() {
      all.delete(own);
      if (all.size === 0 && uploads.get(origin) === all) uploads.delete(origin);
    },
  };
}

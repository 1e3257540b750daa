/** Runtimes whose strings have no faster way into memory and out of it than TextEncoder and TextDecoder. */
import type { UnitAccess } from "../../text.ts";

/** Nothing. */
export const unitAccess: UnitAccess | undefined = undefined;

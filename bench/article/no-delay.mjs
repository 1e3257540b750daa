/** TCP_NODELAY on and off, in the network laboratory. */
import { noDelay } from "../network/experiments/no-delay.mjs";
import { measureInLab } from "./lab.mjs";

/** @param {boolean} quick */
export const measure = (quick) => measureInLab(noDelay, quick);

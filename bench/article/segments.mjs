/** The article's pipeline of 12 KB over paths of small MTU and MSS, in the network laboratory. */
import { segments } from "../network/experiments/segments.mjs";
import { measureInLab } from "./lab.mjs";

/** @param {boolean} quick */
export const measure = (quick) => measureInLab(segments, quick);

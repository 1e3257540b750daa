/** The article's pipelines of ten thousand values, in the network laboratory. */
import { manyValues } from "../network/experiments/many-values.mjs";
import { measureInLab } from "./lab.mjs";

/** @param {boolean} quick */
export const measure = (quick) => measureInLab(manyValues, quick);

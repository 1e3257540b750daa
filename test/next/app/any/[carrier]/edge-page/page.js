// The page beside it, on the edge runtime.

export { default } from "../page/page.js";

export const runtime = "edge";

export { default } from "../page/page.js";

export const runtime = "edge";

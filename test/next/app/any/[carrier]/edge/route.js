// The route above it, on the edge runtime.

export { GET, POST } from "../route.js";

export const runtime = "edge";

// The local server in a process of its own, so that its work is not counted as the clients'. It says where it is, and
// ends when the demo does.
import { createDevServer } from "zstash/dev";

const server = await createDevServer();
const { url } = await server.listen();
process.once("disconnect", () => void server.close().then(() => process.exit(0)));
process.send?.({ url, token: server.token, backend: server.backend.description });

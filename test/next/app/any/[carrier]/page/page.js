// A page with a parameter, which is rendered at each request.
import { clients } from "../../../clients/all.js";
import { look } from "../../../clients/look.js";

export default async function Page({ params }) {
  const { carrier } = await params;
  return <p>{await look(clients[carrier], carrier, "any")}</p>;
}

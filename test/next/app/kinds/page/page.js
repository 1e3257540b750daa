// A page that says nothing of how it is rendered.
import { client } from "../../clients/stock.js";
import { look } from "../../clients/look.js";

/** Neither says that it is dynamic: the first fetch may be kept, what the client reads may not. */
export default async function Page() {
  const response = await fetch(`${process.env.VISITS}/stock`, { cache: "force-cache" });
  const visits = await response.text();
  return (
    <p>
      {await look(client, "stock", "page")} visits={visits};
    </p>
  );
}

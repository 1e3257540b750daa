// A page of Cache Components that is rendered in part.
import { Suspense } from "react";
import { client } from "../../clients/stock.js";
import { look } from "../../clients/look.js";

async function Late() {
  return <p>{await look(client, "stock", "streamed")}</p>;
}

/** A static shell around what the client reads at each request. */
export default function Page() {
  return (
    <Suspense fallback={<p>waiting</p>}>
      <Late />
    </Suspense>
  );
}

// A part of a page that is made at each visit.

import { Suspense } from "react";
import { connection } from "next/server";

async function Late({ read }) {
  await connection();
  return <main>{await read()}</main>;
}

export const Dynamic = ({ read }) => (
  <Suspense fallback={<p>waiting</p>}>
    <Late read={read} />
  </Suspense>
);

// Middleware that reads and counts before the page is asked for.
import { NextResponse } from "next/server";
import { clients } from "./app/clients/all.js";
import { look } from "./app/clients/look.js";

export const config = { matcher: "/guarded/:carrier*" };

/** Reads and counts before the page is asked for, as a rate limiter does. */
export async function middleware(request) {
  const carrier = request.nextUrl.pathname.split("/").at(-1);
  return new NextResponse(await look(clients[carrier], carrier, "middleware"));
}

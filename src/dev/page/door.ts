/** The entry of the page: tells its requests from those of clients, and loads it when somebody first opens it. */
import type { Backend } from "../backend.ts";
import type { RequestRecord } from "../request-record.ts";
import type { Settings } from "../settings.ts";
import { Activity } from "./activity.ts";
import { PAGE_PATH, Sessions } from "./sessions.ts";

/** The page of a server, as its handler knows it. */
export interface PageDoor {
  /** A ticket for `/?ticket=…`, which opens the page once. */
  createTicket(): string;
  /** Remembers an answered request, for the page's list. */
  note(record: RequestRecord): void;
  /** The page's response; undefined for a request of a client. It has its own headers, and allows no other origin. */
  answer(request: Request): Promise<Response> | undefined;
}

/** The page for a backend. Until it is opened, only the code that remembers requests is loaded. */
export function createPageDoor(backend: Backend, settings: Settings): PageDoor {
  const sessions = new Sessions();
  const activity = new Activity();
  type Page = ReturnType<Awaited<ReturnType<typeof load>>["createPage"]>;
  const load = () => import("./index.ts");
  let page: Page | undefined;
  return {
    createTicket: () => sessions.createTicket(),
    note: (record) => activity.add(record),
    answer: (request) => {
      const url = new URL(request.url);
      if (!isForPeople(request, url) && !url.pathname.startsWith(PAGE_PATH)) return undefined;
      return (async () => {
        // The promise is not kept: on Workers it would end with the request that made it.
        const { createPage } = await load();
        page ??= createPage({ backend, settings, sessions, activity });
        return page(request, url);
      })();
    },
  };
}

/** A browser that opens an address asks for HTML; clients and curl do not. */
function isForPeople(request: Request, url: URL): boolean {
  const wantsHtml = (request.headers.get("accept") ?? "").toLowerCase().includes("text/html");
  return url.pathname === "/" && wantsHtml && (request.method === "GET" || request.method === "HEAD");
}

/** Calls the server's endpoints, and tells listeners whether it answers and whether the session is valid. */
import type {
  ClientFigures,
  KeyDetail,
  KeyEntry,
  KeyFacts,
  KeyPage,
  RequestPage,
  ServerInfo,
  Totals,
} from "../protocol.ts";

/** The session does not exist, or has ended. */
export class SignedOut extends Error {}

/** Called after each request: whether the server answered. */
let heard: (answered: boolean) => void = () => undefined;

/** Registers the function that is told whether the server answers. */
export function onAnswer(listener: (answered: boolean) => void): void {
  heard = listener;
}

async function request<Result>(path: string, body?: string): Promise<Result> {
  const init: RequestInit = {
    method: body === undefined ? "GET" : "POST",
    body: body ?? null,
    credentials: "same-origin",
  };
  const response = await fetch(`/_zstash/${path}`, init).catch((error: unknown) => {
    heard(false);
    throw error;
  });
  heard(response.status < 500);
  if (response.status === 401) throw new SignedOut();
  const value = (await response.json()) as Result & { readonly error?: string };
  if (!response.ok) throw new Error(value.error ?? `status ${response.status}`);
  return value;
}

/** The id by which a key is requested; null for one whose name is too long. */
export function idOf(entry: KeyEntry): string | null {
  return typeof entry === "string" ? `=${entry}` : entry.id;
}

/** The endpoints by what they return. */
export const api: {
  signIn(token: string): Promise<object>;
  server(): Promise<ServerInfo>;
  totals(): Promise<Totals>;
  clients(): Promise<readonly ClientFigures[]>;
  requests(after: number, since: number): Promise<RequestPage>;
  keys(cursor: string, match: string, wanted: number): Promise<KeyPage>;
  facts(ids: readonly string[]): Promise<readonly KeyFacts[]>;
  key(id: string): Promise<KeyDetail>;
} = {
  signIn: (token) => request("session", token),
  server: () => request("server"),
  totals: () => request("totals"),
  clients: () => request("metrics"),
  requests: (after, since) => request(`requests?after=${after}&since=${since}`),
  keys: (cursor, match, wanted) =>
    request(`keys?cursor=${cursor}&match=${encodeURIComponent(match)}&count=${wanted}`),
  facts: (ids) => request("facts", JSON.stringify(ids)),
  key: (id) => request("key", JSON.stringify(id)),
};

/** Starts the page: the form for the token if there is no session, otherwise the totals and the three tabs. */
import type { ServerInfo } from "../protocol.ts";
import { createActivity } from "./activity.ts";
import { api, onAnswer, SignedOut } from "./api.ts";
import { createConnect } from "./connect.ts";
import { byId, h, say, type Tab } from "./dom.ts";
import { createKeys } from "./keys.ts";
import { createTotals } from "./totals.ts";

const REQUESTS_MS = 1_000;
const TOTALS_MS = 5_000;

/** True while the page asks for its token: then it sends no other requests. */
let signedOut = false;

function showForm(reason: string): void {
  if (signedOut) return;
  signedOut = true;
  const input = h("input", { id: "token", type: "password", autocomplete: "off", required: true });
  const message = h("p", { class: "bad", role: "alert" }, reason);
  const onsubmit = (event: SubmitEvent): void => {
    event.preventDefault();
    api.signIn(input.value).then(
      () => location.replace("/"),
      (error: unknown) => {
        message.textContent =
          error instanceof SignedOut
            ? "That is no token of this server, or one that may only read."
            : String(error);
        input.select();
      },
    );
  };
  byId("main").replaceChildren(
    h(
      "form",
      { class: "panel signin", onsubmit },
      h("h2", {}, "Open this server"),
      h(
        "p",
        { class: "muted" },
        "The terminal in which zstash dev runs has printed a link that opens this page, and the token after UPSTASH_REDIS_REST_TOKEN=.",
      ),
      h("label", { for: "token" }, "Token"),
      input,
      h("button", { class: "primary" }, "Open"),
      message,
    ),
  );
  input.focus();
}

/** Runs again and again while the page is visible, each time after the previous run has ended. */
function repeat(run: () => Promise<void>, pause: number): void {
  const turn = async (): Promise<void> => {
    try {
      if (!document.hidden && !signedOut) await run();
    } catch (error) {
      if (error instanceof SignedOut) showForm("The session has ended.");
    }
    setTimeout(() => void turn(), pause);
  };
  void turn();
}

function showTabs(tabs: Readonly<Record<string, Tab>>): HTMLElement[] {
  const names = Object.keys(tabs);
  const buttons = names.map((name) =>
    h(
      "button",
      { role: "tab", id: `tab-${name}`, "aria-controls": `panel-${name}`, onclick: () => select(name) },
      name,
    ),
  );
  const panels = names.map((name) =>
    h(
      "section",
      { role: "tabpanel", id: `panel-${name}`, "aria-labelledby": `tab-${name}` },
      tabs[name]?.element,
    ),
  );
  function select(name: string): void {
    for (const [index, button] of buttons.entries()) {
      const isSelected = names[index] === name;
      button.setAttribute("aria-selected", `${isSelected}`);
      button.tabIndex = isSelected ? 0 : -1;
      panels[index]!.hidden = !isSelected;
    }
    tabs[name]?.show();
  }
  const onkeydown = (event: KeyboardEvent): void => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const next = (at + step + names.length) % names.length;
    select(names[next]!);
    buttons[next]!.focus();
  };
  select(names[0]!);
  return [
    h("div", { class: "tabs", role: "tablist", "aria-label": "Views", onkeydown }, ...buttons),
    ...panels,
  ];
}

function start(server: ServerInfo): void {
  byId("backend").textContent = server.description;
  const connect = createConnect(server);
  let isReady = false;
  const keys = createKeys(
    () => document.getElementById("tab-Connect")?.click(),
    () => {
      // The totals take a sample of the keys: the first rows are shown before that.
      if (!isReady) repeat(readTotals, TOTALS_MS);
      isReady = true;
    },
  );
  const activity = createActivity();
  const totals = createTotals();
  byId("main").replaceChildren(
    totals.element,
    ...showTabs({ Keys: keys, Activity: activity, Connect: connect }),
  );
  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof HTMLInputElement;
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    document.getElementById("tab-Keys")?.click();
    document.getElementById("search")?.focus();
  });
  repeat(async () => activity.addRequests(await api.requests(activity.next, activity.since)), REQUESTS_MS);
  async function readTotals(): Promise<void> {
    const latest = await api.totals();
    totals.set(latest);
    activity.setHistory(latest.history);
    keys.setCount(latest.latest.keys);
    activity.setClients(await api.clients());
  }
}

onAnswer((answered) => {
  const status = byId("status");
  const text = answered ? "live" : "no answer, trying again";
  if (status.textContent === text) return;
  status.textContent = text;
  status.classList.toggle("bad", !answered);
  if (!answered) say(text);
});

const usedTicket = location.hash === "#ticket";
if (usedTicket) history.replaceState(null, "", "/");
api.server().then(start, (error: unknown) => {
  const reason = usedTicket ? "That link has been used, or is too old: it opens the page once." : "";
  if (error instanceof SignedOut) showForm(reason);
  else
    byId("main").replaceChildren(h("p", { class: "notice" }, `The server does not answer: ${String(error)}`));
});

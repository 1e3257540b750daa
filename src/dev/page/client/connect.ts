/** Shows how to connect: the URL, the token, and code to copy. */
import type { ServerInfo } from "../protocol.ts";
import { h, say, type Tab } from "./dom.ts";

const HIDDEN_TOKEN = "••••••••";

/** The view of what a client needs. */
export function createConnect({ token, kind }: ServerInfo): Tab {
  const url = location.origin;
  let revealed = false;
  const drawn: (() => void)[] = [];

  /** A text with a button that copies it. The token in it is shown only when asked for. */
  const copyable = (name: string, text: string): HTMLElement => {
    const code = h("code", {});
    const draw = (): void => {
      code.textContent = revealed ? text : text.replaceAll(token, HIDDEN_TOKEN);
    };
    drawn.push(draw);
    draw();
    const onclick = async (): Promise<void> => {
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
        say(`${name}: copied`);
        setTimeout(() => (button.textContent = "Copy"), 1_500);
      } catch {
        // Without https, and on a host other than localhost, pages cannot copy: the user can copy the selection.
        reveal(true);
        getSelection()?.selectAllChildren(code);
        say(`${name}: selected, copy it with Ctrl C`);
      }
    };
    const button = h("button", { class: "copy", "aria-label": `Copy: ${name}`, onclick }, "Copy");
    return h("div", { class: "copyable" }, h("h3", {}, name), h("pre", { tabindex: 0 }, code), button);
  };

  const toggle = h("button", { onclick: () => reveal(!revealed) });
  function reveal(value: boolean): void {
    revealed = value;
    toggle.textContent = revealed ? "Hide the token" : "Show the token";
    toggle.setAttribute("aria-pressed", `${revealed}`);
    for (const draw of drawn) draw();
  }

  const quoted = JSON.stringify(token);
  const element = h(
    "div",
    { class: "panel connect" },
    h(
      "div",
      { class: "row" },
      h("h2", {}, "Connect"),
      h("p", { class: "muted grow" }, "Copied texts hold the token, shown or not."),
      toggle,
    ),
    h("div", { class: "pair" }, copyable("URL", url), copyable("Token", token)),
    copyable("Environment", `UPSTASH_REDIS_REST_URL=${url}\nUPSTASH_REDIS_REST_TOKEN=${token}`),
    copyable(
      "TypeScript",
      `import { Redis } from "zstash/redis";\nconst redis = new Redis({ url: ${JSON.stringify(url)}, token: ${quoted} });\nawait redis.set("hello", { text: "Hello, zstash! ".repeat(500) });`,
    ),
    copyable("curl", `curl -H "Authorization: Bearer ${token}" ${url}/set/greeting/hello`),
    h(
      "p",
      { class: "muted" },
      kind === "embedded"
        ? "This server keeps its keys in the memory of its own process; they end with it."
        : "Values that zstash/redis writes are compressed before they leave the client; curl writes them as they are.",
    ),
  );
  reveal(false);
  return { element, show: () => undefined };
}

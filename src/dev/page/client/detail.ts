/** Shows one key: its facts, its frames as a picture and as a table, and the beginning of its content. */
import type { ElementPreview, FrameLayout, KeyDetail } from "../protocol.ts";
import { api } from "./api.ts";
import { drawByWidth, h } from "./dom.ts";
import { bytes, count, ratio, ttl, visible, visibleText } from "./format.ts";
import { drawLayout, partsOf } from "./picture.ts";

/** The panel beside the list. */
export interface Detail {
  readonly element: HTMLElement;
  open(id: string, name: string): void;
}

/** The panel of a key. `onclose` is called after it was closed. */
export function createDetail(onclose: () => void): Detail {
  let asked = 0;
  const body = h("div", { class: "content" });
  const title = h("h2", { class: "name", dir: "ltr", tabindex: -1 });
  const close = (): void => {
    asked++;
    element.hidden = true;
    onclose();
  };
  const element = h(
    "aside",
    {
      class: "panel detail",
      "aria-label": "Key",
      onkeydown: (event: KeyboardEvent) => {
        if (event.key === "Escape") close();
      },
    },
    h("div", { class: "row" }, title, h("button", { class: "close", onclick: close }, "Close")),
    body,
  );
  element.hidden = true;
  return {
    element,
    open(id, name) {
      const number = ++asked;
      element.hidden = false;
      title.textContent = name === "" ? "(empty name)" : visible(name);
      body.replaceChildren(h("p", { class: "muted" }, "Reading…"));
      title.focus();
      api.key(id).then(
        (detail) => number === asked && body.replaceChildren(...show(detail)),
        (error: unknown) =>
          number === asked &&
          body.replaceChildren(h("p", { class: "bad" }, `The key cannot be read: ${String(error)}`)),
      );
    },
  };
}

function show(detail: KeyDetail): Node[] {
  if (detail.type === "none")
    return [h("p", { class: "muted" }, "This key is gone: it has expired or was deleted.")];
  const { layout, elements } = detail;
  return [
    factList(detail),
    ...(layout === null
      ? []
      : [
          h("h3", {}, "Frame layout"),
          pictureOf(detail),
          ...(layout.fault === null ? [] : [h("p", { class: "bad" }, layout.fault)]),
          frameTable(layout.frames, layout.frameCount),
        ]),
    ...(detail.type === "string"
      ? previewOf(detail)
      : [h("h3", {}, "Elements"), elementList(elements, detail.count)]),
  ];
}

function factList(detail: KeyDetail): HTMLElement {
  const { type, carrier, dictionaryId, verdict, size, storedSize, layout } = detail;
  const isString = type === "string";
  const [frame] = layout?.frames ?? [];
  const fact = (name: string, value: string, bad = false): HTMLElement =>
    h("div", {}, h("dt", {}, name), h("dd", { class: bad ? "bad" : "" }, value));
  const facts = [
    fact("Type", detail.count === null ? type : `${type}, ${count(detail.count)}`),
    fact("TTL", ttl(detail.ttl)),
    fact(isString ? "Stored" : "Memory", bytes(storedSize)),
  ];
  if (isString) {
    facts.push(
      fact("Original", bytes(size)),
      fact("Ratio", carrier === null ? "1×" : ratio(size, storedSize)),
      fact("Carrier", carrier === null ? "none: plain" : carrier === "text" ? "text (base64)" : "raw"),
    );
  }
  if (carrier !== null) {
    facts.push(
      fact("Window", bytes(frame?.windowSize ?? null)),
      fact("Checksum", frame === undefined ? "–" : frame.checksum ? "XXH64" : "none"),
      fact("Dictionary", dictionaryId === 0 ? "none" : `${dictionaryId}`),
    );
    const whole = verdict === "whole";
    if (typeof verdict === "object") facts.push(fact("Decodes", verdict.fault, true));
    else facts.push(fact("Decodes", whole ? "yes, all of it" : "its beginning was tried"));
  }
  return h("dl", { class: "facts" }, ...facts);
}

function pictureOf({ layout, size, storedSize, carrier }: KeyDetail): HTMLElement {
  const element = h("div", { class: "picture" });
  if (layout !== null)
    drawByWidth(element, (width) => drawLayout({ layout, size, storedSize, carrier }, width));
  return element;
}

/** The picture in words and numbers, for people who cannot see it. */
function frameTable(frames: readonly FrameLayout[], frameCount: number): HTMLElement {
  const rows = frames.flatMap((frame, index) =>
    partsOf(frame).map((part, place) =>
      h(
        "tr",
        {},
        h(
          "td",
          {},
          place === 0 && frames.length > 1 ? `${index === frames.length - 1 ? frameCount - 1 : index}` : "",
        ),
        h("td", {}, h("span", { class: `swatch ${part.kind}` }), part.name),
        h("td", { class: "number" }, count(part.start)),
        h("td", { class: "number" }, bytes(part.size)),
      ),
    ),
  );
  const heads = ["Frame", "Part", "Offset", "Size"].map((name) =>
    h("th", { scope: "col", class: name === "Offset" || name === "Size" ? "number" : "" }, name),
  );
  return h(
    "details",
    {},
    h("summary", {}, `${count(frameCount)} ${frameCount === 1 ? "frame" : "frames"} as a table`),
    h(
      "div",
      { class: "wide" },
      h("table", {}, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...rows)),
    ),
  );
}

function previewOf({ preview, verdict, size }: KeyDetail): Node[] {
  if (preview.kind === "none")
    return [
      h("h3", {}, "Content"),
      h(
        "p",
        { class: "bad" },
        typeof verdict === "object" ? "It does not decode, so there is nothing to show." : "Nothing to show.",
      ),
    ];
  const kinds = { json: "JSON", text: "text", hex: "hexadecimal", none: "" };
  const what = preview.cut
    ? `the beginning of ${size === null ? "it" : bytes(size)}, ${kinds[preview.kind]}`
    : kinds[preview.kind];
  const text = preview.kind === "hex" ? preview.text : visibleText(preview.text);
  return [
    h("h3", {}, "Content", h("span", { class: "muted" }, ` ${what}`)),
    h(
      "pre",
      { class: "value", dir: "ltr", tabindex: 0, "aria-label": "Content" },
      text === "" ? "(empty)" : text,
    ),
  ];
}

function elementList(elements: readonly ElementPreview[], total: number | null): HTMLElement {
  const items = elements.map(({ name, text, storedSize, size, compressed }) =>
    h(
      "li",
      {},
      h(
        "div",
        { class: "row" },
        h("code", { class: "grow", dir: "ltr" }, visible(name)),
        h(
          "span",
          { class: "muted" },
          compressed ? `${bytes(size)} in ${bytes(storedSize)}` : bytes(storedSize),
        ),
      ),
      h("div", { class: "text", dir: "ltr" }, visible(text)),
    ),
  );
  const note =
    total !== null && total > elements.length
      ? `The first ${count(elements.length)} of ${count(total)}.`
      : "";
  return h("div", {}, h("ul", { class: "elements" }, ...items), h("p", { class: "muted note" }, note));
}

/** Makes elements of HTML and SVG. Texts are always set as text, so that nothing that is stored becomes markup. */

/** The properties of an element: attributes, a listener as `on…`, or a switch. */
type Attributes = Readonly<Record<string, string | number | boolean | undefined | ((event: never) => void)>>;
type Child = Node | string | undefined;

/** A part of the page behind a tab. */
export interface Tab {
  readonly element: HTMLElement;
  /** Called when the tab is shown. */
  show(): void;
}

const SVG = "http://www.w3.org/2000/svg";

/** Makes an element: `h("a", { href, class: "x", onclick: f }, "text", other)`. */
export function h<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  fill(element, attributes, children);
  return element;
}

/** Makes an element of SVG in the same way. */
export function svg<Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[Name] {
  const element = document.createElementNS(SVG, name);
  fill(element, attributes, children);
  return element;
}

function fill(element: Element, attributes: Attributes, children: readonly Child[]): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value as (event: Event) => void);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== undefined && value !== false) element.setAttribute(name, `${value}`);
  }
  element.append(...children.filter((child) => child !== undefined));
}

/** The element with an id, which page.html contains. */
export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`Cannot find #${id}`);
  return element;
}

/** Tells a text to users of a screen reader. */
export function say(text: string): void {
  byId("spoken").textContent = text;
}

/** Replaces the contents of an element by what `draw` makes for its width, now and whenever the width changes. */
export function drawByWidth(element: HTMLElement, draw: (width: number) => Node): () => void {
  let width = 0;
  const redraw = (): void => {
    if (width > 0) element.replaceChildren(draw(width));
  };
  new ResizeObserver(([entry]) => {
    const now = Math.floor(entry?.contentRect.width ?? 0);
    if (now === width) return;
    width = now;
    redraw();
  }).observe(element);
  return redraw;
}

/** Nodes of the page, made and changed. Texts are always text nodes: nothing that comes over the network is ever read as markup. */
import { visible } from './visible-text.js';

export type Child = Node | string;

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string | number>> = {},
  ...children: Node[]
): SVGElementTagNameMap[K] {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/** Only if it is another one: a change, even to the same text, costs the browser a layout and may be read aloud. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node: Element, name: string, value: string): void {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

export function setHidden(node: HTMLElement, hidden: boolean): void {
  if (node.hidden !== hidden) node.hidden = hidden;
}

/** A part of the static page. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found as T;
}

/** An id or name from outside: isolated, so that its direction does not reach its neighbours; cut off by the style, whole in its title. */
export function foreign(text: string, className = 'foreign'): HTMLElement {
  const shown = visible(text);
  return element('bdi', { class: className, title: shown }, shown);
}

/** The address of an agent within the page. */
export function agentHref(id: string): string {
  return `#agent/${encodeURIComponent(wellFormed(id))}`;
}

/** Half a surrogate pair cannot be percent-encoded. */
function wellFormed(text: string): string {
  return text.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, '\uFFFD');
}

export function agentLink(id: string): HTMLAnchorElement {
  return element('a', { href: agentHref(id), class: 'agent-link' }, foreign(id));
}

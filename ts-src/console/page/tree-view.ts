/**
 * The supervision tree: threads with their services, below them agents, fetched when somebody opens them. Keys are those of the ARIA pattern for trees: arrows, Home,
 * End, Enter; one element takes part in the order of Tab.
 */
import type { AgentNode, ProcessNode, ServiceNode, ThreadNode } from '../../model/supervision-tree.js';
import { subtree, wholeTree } from './console-api.js';
import { agentHref, byId, element, foreign, setHidden, setText } from './dom.js';
import { duration, whole } from './format.js';

const AGENTS_SHOWN = 50;
const AGENTS_MORE = 500;

type Node = ThreadNode | AgentNode | ServiceNode;

interface Item {
  readonly node: Node;
  readonly line: HTMLElement;
  readonly parent: Item | undefined;
  readonly level: number;
  children: HTMLElement | undefined;
}

export class TreeView {
  readonly #tree = element('ul', { role: 'tree', class: 'tree', 'aria-labelledby': 'tree-title' });
  readonly #state = element('p', { class: 'panel-note', role: 'status' }, 'loading …');
  readonly #items = new Map<HTMLElement, Item>();
  #active: HTMLElement | undefined;
  #isLoading = false;

  constructor(place: HTMLElement) {
    const refresh = element('button', { type: 'button', class: 'small' }, 'Load again');
    refresh.addEventListener('click', () => void this.load());
    const head = element('div', { class: 'view-head' }, element('h1', { id: 'tree-title' }, 'Supervision tree'), this.#state, refresh);
    const hint = element('p', { class: 'hint' }, 'Who supervises whom, as it was when it was loaded. Arrow keys move and open, Enter looks into an agent.');
    place.append(head, hint, element('div', { class: 'panel' }, this.#tree));
    this.#tree.addEventListener('keydown', (event) => this.#key(event));
    this.#tree.addEventListener('click', (event) => this.#click(event));
  }

  /** What is there when the view is opened; loaded once, and again when it is asked for. */
  show(): void {
    if (this.#items.size === 0) void this.load();
  }

  async load(): Promise<void> {
    if (this.#isLoading) return;
    this.#isLoading = true;
    setText(this.#state, 'loading …');
    try {
      const tree = await wholeTree(AGENTS_SHOWN);
      this.#items.clear();
      this.#tree.replaceChildren(...tree.threads.map((thread) => this.#itemOf(thread, undefined, 1)));
      setText(this.#state, summaryOf(tree));
      const first = this.#tree.firstElementChild as HTMLElement | null;
      if (first !== null) this.#activate(first, false);
      // The agents of a small system are there at once.
      if (tree.threads.length <= 8) for (const line of [...this.#tree.children]) this.#open(line as HTMLElement);
    } catch (error) {
      setText(this.#state, `not loaded: ${(error as Error).message}`);
    } finally {
      this.#isLoading = false;
    }
  }

  #itemOf(node: Node, parent: Item | undefined, level: number): HTMLElement {
    const line = element('li', { role: 'treeitem', 'aria-level': String(level), tabindex: '-1' });
    if (childCount(node) > 0) line.setAttribute('aria-expanded', 'false');
    line.append(labelOf(node));
    this.#items.set(line, { node, line, parent, level, children: undefined });
    return line;
  }

  /** Threads came with what is directly below them; agents are asked for. */
  #open(line: HTMLElement, agentsMax = AGENTS_SHOWN): void {
    const item = this.#items.get(line);
    if (item === undefined || line.getAttribute('aria-expanded') !== 'false') return;
    line.setAttribute('aria-expanded', 'true');
    if (item.children !== undefined) {
      setHidden(item.children, false);
      return;
    }
    item.children = element('ul', { role: 'group' });
    line.append(item.children);
    const { node } = item;
    if (node.type === 'thread') this.#fill(item, [...node.services, ...node.agents], node.omitted);
    else if (node.type === 'agent') void this.#fetch(item, node, agentsMax);
  }

  async #fetch(item: Item, node: AgentNode, agentsMax: number): Promise<void> {
    const group = item.children as HTMLElement;
    group.replaceChildren(note('loading …'));
    try {
      const { root } = await subtree(node.id, agentsMax);
      this.#fill(item, root.children, root.omitted);
    } catch (error) {
      group.replaceChildren(note((error as Error).message));
    }
  }

  #fill(item: Item, nodes: readonly Node[], omitted: number): void {
    const group = item.children as HTMLElement;
    group.replaceChildren(...nodes.map((node) => this.#itemOf(node, item, item.level + 1)));
    if (omitted === 0) return;
    const more = element('li', { role: 'treeitem', 'aria-level': String(item.level + 1), tabindex: '-1', class: 'tree-more' });
    const canShow = item.node.type === 'agent' && nodes.length < AGENTS_MORE;
    more.append(
      element(
        'span',
        { class: 'tree-label' },
        canShow ? `${whole(omitted)} more: show up to ${AGENTS_MORE}` : `and ${whole(omitted)} more, to be found by their ids`,
      ),
    );
    this.#items.set(more, { node: item.node, line: more, parent: item, level: item.level + 1, children: undefined });
    group.append(more);
  }

  #click(event: MouseEvent): void {
    const line = (event.target as Element).closest<HTMLElement>('li[role=treeitem]');
    if (line === null) return;
    this.#activate(line, !(event.target instanceof HTMLAnchorElement));
    if ((event.target as Element).closest('a') === null) this.#toggle(line);
  }

  #toggle(line: HTMLElement): void {
    if (line.classList.contains('tree-more')) this.#showMore(line);
    else if (line.getAttribute('aria-expanded') === 'true') this.#close(line);
    else this.#open(line);
  }

  #showMore(line: HTMLElement): void {
    const parent = this.#items.get(line)?.parent;
    if (parent === undefined || parent.node.type !== 'agent' || (parent.children?.childElementCount ?? 0) > AGENTS_MORE) return;
    this.#activate(parent.line, true);
    void this.#fetch(parent, parent.node, AGENTS_MORE);
  }

  #close(line: HTMLElement): void {
    const item = this.#items.get(line);
    if (item?.children === undefined) return;
    line.setAttribute('aria-expanded', 'false');
    setHidden(item.children, true);
  }

  #activate(line: HTMLElement, focuses: boolean): void {
    this.#active?.setAttribute('tabindex', '-1');
    this.#active = line;
    line.setAttribute('tabindex', '0');
    if (focuses) line.focus();
  }

  #key(event: KeyboardEvent): void {
    const line = (event.target as Element).closest<HTMLElement>('li[role=treeitem]');
    if (line === null || event.altKey || event.ctrlKey || event.metaKey) return;
    const seen = this.#seen();
    const at = seen.indexOf(line);
    const item = this.#items.get(line);
    const isOpen = line.getAttribute('aria-expanded') === 'true';
    let target: HTMLElement | undefined;
    switch (event.key) {
      case 'ArrowDown':
        target = seen[at + 1];
        break;
      case 'ArrowUp':
        target = seen[at - 1];
        break;
      case 'Home':
        target = seen[0];
        break;
      case 'End':
        target = seen.at(-1);
        break;
      case 'ArrowRight':
        if (isOpen) target = seen[at + 1];
        else this.#open(line);
        break;
      case 'ArrowLeft':
        if (isOpen) this.#close(line);
        else target = item?.parent?.line;
        break;
      case 'Enter':
        if (line.classList.contains('tree-more')) this.#toggle(line);
        else if (item?.node.type === 'agent') location.hash = agentHref(item.node.id);
        else this.#toggle(line);
        break;
      case ' ':
        this.#toggle(line);
        break;
      default:
        return;
    }
    event.preventDefault();
    if (target !== undefined) this.#activate(target, true);
  }

  #seen(): HTMLElement[] {
    return [...this.#tree.querySelectorAll<HTMLElement>('li[role=treeitem]')].filter((line) => line.closest('ul[hidden]') === null);
  }
}

export function startTree(): TreeView {
  return new TreeView(byId('view-tree'));
}

function childCount(node: Node): number {
  if (node.type === 'service') return 0;
  if (node.type === 'thread') return node.services.length + node.agents.length + node.omitted;
  return node.children.length + node.omitted;
}

function labelOf(node: Node): HTMLElement {
  const label = element('span', { class: 'tree-label' }, element('span', { class: 'twist', 'aria-hidden': 'true' }));
  if (node.type === 'agent') {
    // Not in the order of Tab: Enter on its line does the same.
    label.append(element('span', { class: 'kind-badge' }, foreign(node.kind)), element('a', { href: agentHref(node.id), tabindex: '-1' }, foreign(node.id)));
  } else label.append(element('span', { class: 'tree-name' }, node.type === 'service' ? `service ${node.id}` : node.id));
  label.append(element('span', { class: `status status-${/^[a-z]+$/.test(node.status) ? node.status : 'other'}` }, node.status));
  const facts: string[] = [];
  if (node.restarts > 0) facts.push(`${whole(node.restarts)} ${node.type === 'thread' ? 'replaced' : 'restarts'}`);
  if (node.type === 'agent' && node.restart !== undefined) facts.push(node.restart);
  if (node.type !== 'service' && node.policy !== undefined)
    facts.push(`${node.policy.strategy}, ${node.policy.intensity} within ${duration(node.policy.periodMs)}`);
  if (childCount(node) > 0 && node.type === 'agent') facts.push(`${whole(childCount(node))} below`);
  if (facts.length > 0) label.append(element('span', { class: 'tree-facts' }, facts.join(' · ')));
  return label;
}

function note(text: string): HTMLElement {
  return element('li', { role: 'treeitem', 'aria-level': '2', tabindex: '-1' }, element('span', { class: 'tree-label' }, text));
}

function summaryOf({ threads }: ProcessNode): string {
  const agents = threads.reduce((sum, { agents: shown, omitted }) => sum + shown.length + omitted, 0);
  return `${threads.length} thread${threads.length === 1 ? '' : 's'}, ${whole(agents)} agents without parents`;
}

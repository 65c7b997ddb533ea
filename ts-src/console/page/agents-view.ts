/** Agents found by kind and the beginning of their ids, a page at a time: each page costs a walk over all agents, so that nothing is asked before somebody does. */
import { type AgentPage, type ListedAgent, listAgents, listKinds } from './console-api.js';
import { agentLink, byId, element, foreign, setHidden, setText } from './dom.js';
import { once, TableView } from './table-view.js';

const PAGE_AGENTS = 100;

export class AgentsView {
  readonly #prefix = element('input', { type: 'search', id: 'agents-prefix', maxlength: '1024', autocomplete: 'off', spellcheck: 'false' });
  readonly #kind = element('select', { id: 'agents-kind' }, element('option', { value: '' }, 'every kind'));
  readonly #state = element('p', { class: 'panel-note', role: 'status' }, '');
  readonly #more = element('button', { type: 'button' }, 'Next page');
  readonly #first = element('button', { type: 'button' }, 'First page');
  readonly #table = new TableView<ListedAgent>({
    caption: 'Agents found',
    empty: 'No agent found.',
    key: ({ id }) => id,
    columns: [
      { label: 'Id', isHeader: true, show: once(({ id }) => agentLink(id)) },
      { label: 'Kind', show: once(({ kind }) => foreign(kind)) },
      { label: 'Thread', className: 'number', show: ({ thread }) => String(thread) },
    ],
  });
  #search: AbortController | undefined;
  #next: string | undefined;
  #hasKinds = false;

  constructor(place: HTMLElement) {
    const form = element(
      'form',
      { class: 'filters' },
      element('label', { for: 'agents-prefix' }, 'Id begins with'),
      this.#prefix,
      element('label', {}, 'Kind', this.#kind),
      element('button', { type: 'submit' }, 'List'),
    );
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const hash = agentsHash(this.#prefix.value, this.#kind.value);
      if (location.hash === hash) void this.#load(undefined);
      else location.hash = hash;
    });
    this.#more.addEventListener('click', () => void this.#load(this.#next));
    this.#first.addEventListener('click', () => void this.#load(undefined));
    const head = element('div', { class: 'view-head' }, element('h1', { id: 'agents-title' }, 'Agents'), this.#state);
    const pages = element('p', { class: 'pages' }, this.#first, this.#more);
    place.append(head, form, element('div', { class: 'panel' }, this.#table.element, pages));
  }

  /** @param query of the address: `prefix` and `kind` */
  show(query: URLSearchParams): void {
    this.#prefix.value = query.get('prefix') ?? '';
    void this.#loadKinds().then(() => {
      this.#kind.value = query.get('kind') ?? '';
      if (this.#kind.value !== (query.get('kind') ?? '')) this.#kind.value = '';
      return this.#load(undefined);
    });
  }

  hide(): void {
    this.#search?.abort();
  }

  async #loadKinds(): Promise<void> {
    if (this.#hasKinds) return;
    try {
      const { kinds } = await listKinds();
      this.#kind.append(...kinds.map(({ kind }) => element('option', { value: kind }, kind)));
      this.#hasKinds = true;
    } catch (error) {
      setText(this.#state, (error as Error).message);
    }
  }

  async #load(after: string | undefined): Promise<void> {
    this.#search?.abort();
    const search = new AbortController();
    this.#search = search;
    setText(this.#state, 'searching …');
    try {
      const query = {
        limit: String(PAGE_AGENTS),
        ...(this.#prefix.value === '' ? {} : { prefix: this.#prefix.value }),
        ...(this.#kind.value === '' ? {} : { kind: this.#kind.value }),
        ...(after === undefined ? {} : { after }),
      };
      const page: AgentPage = await listAgents(query, search.signal);
      if (search !== this.#search) return;
      this.#next = page.next;
      this.#table.show(page.agents);
      setHidden(this.#more, page.next === undefined);
      setHidden(this.#first, after === undefined);
      const count = page.agents.length;
      setText(
        this.#state,
        count === 0
          ? 'none found'
          : `${count} agent${count === 1 ? '' : 's'}${page.next === undefined ? '' : ', and more on the next page'}, in the order of their ids`,
      );
    } catch (error) {
      if (search === this.#search && !search.signal.aborted) setText(this.#state, `not found out: ${(error as Error).message}`);
    }
  }
}

export function agentsHash(prefix: string, kind: string): string {
  const query = new URLSearchParams({ ...(prefix === '' ? {} : { prefix }), ...(kind === '' ? {} : { kind }) });
  return query.size === 0 ? '#agents' : `#agents?${query}`;
}

export function startAgents(): AgentsView {
  return new AgentsView(byId('view-agents'));
}

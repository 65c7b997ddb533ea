/** The routes that reach agents: call, list, look at, make and stop them. */
import { type ErrorCode, NexusError, NexusTypeError, quoted, valueText } from '../errors.js';
import type { AnyAgent } from '../model/agent-definition.js';
import { agentPath } from '../model/agent-path.js';
import type { AgentRef } from '../model/agent-ref.js';
import { didYouMean, listed, misspelt } from '../model/nearest-name.js';
import type { Nexus } from '../nexus.js';
import { pageOf } from './agent-listing.js';
import { type Answer, jsonAnswer } from './answer.js';
import { HandlerFailure } from './error-answer.js';
import type { GatewayRequest, Serve } from './exchange.js';
import { GatewayError } from './gateway-error.js';
import { parseQuery, wholeParameter } from './query.js';
import type { Route } from './router.js';

export type AgentNexus = Pick<Nexus, 'agents' | 'find' | 'getOrSpawn' | 'isStopping' | 'kinds' | 'locate' | 'spawn' | 'summary'> & {
  /** There where it is a node. */
  readonly cluster?: unknown;
};

const ID_BYTES_MAX = 1024;
const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1000;
const PUT_ATTEMPTS = 8;

export function agentRoutes(nexus: AgentNexus): readonly Route<Serve>[] {
  const routes = new AgentRoutes(nexus);
  return [
    { pattern: '/agents', methods: { GET: (request) => routes.list(request) }, always: false },
    {
      pattern: '/agents/:id',
      methods: { GET: (request) => routes.show(request), PUT: (request) => routes.put(request), DELETE: (request) => routes.stop(request) },
      always: false,
    },
    { pattern: '/agents/:id/:action', methods: { POST: (request) => routes.call(request) }, always: false },
    { pattern: '/kinds', methods: { GET: (request) => routes.listKinds(request) }, always: false },
  ];
}

class AgentRoutes {
  readonly #nexus: AgentNexus;
  /** Kinds never change while a nexus runs. */
  readonly #actions: ReadonlyMap<string, readonly string[]>;

  constructor(nexus: AgentNexus) {
    this.#nexus = nexus;
    this.#actions = new Map(nexus.kinds().map(({ kind, actions }) => [kind, actions]));
  }

  async call({ parameters, search, body, signal }: GatewayRequest): Promise<Answer> {
    this.#checkRunning();
    const { kind } = parseQuery(search, ['kind']);
    const id = checkedId(parameters['id']);
    const action = parameters['action'] as string;
    // All that can be known before the body is read, so that a mistake costs neither a transfer nor a new agent.
    if (kind !== undefined) this.#actionsOf(kind);
    // With a kind it is found, or made, below: on whichever node.
    const found = kind === undefined ? await this.#find(id) : this.#nexus.find(id, named(kind));
    if (found === undefined && kind === undefined) throw notFound(id);
    this.#checkActionThere(kind ?? (found as AgentRef).kind, action);
    const input = await body();
    const agent = kind === undefined ? (found as AgentRef) : await this.#nexus.getOrSpawn(named(kind), id);
    try {
      return jsonAnswer(200, { reply: orNull(await this.#ask(agent, id, action, input, signal)) });
    } catch (error) {
      if (!this.#isNode || !hasEnded(error, id, action)) throw error;
    }
    // What this node had heard of the agent was out of date, and nobody has handled the request: there may be another one of this id.
    const next = kind === undefined ? await this.#find(id) : await this.#nexus.getOrSpawn(named(kind), id);
    if (next === undefined) throw notFound(id);
    this.#checkActionThere(next.kind, action);
    return jsonAnswer(200, { reply: orNull(await this.#ask(next, id, action, input, signal)) });
  }

  async list({ search, signal }: GatewayRequest): Promise<Answer> {
    this.#checkRunning();
    const { kind, limit, after } = parseQuery(search, ['kind', 'limit', 'after']);
    if (kind !== undefined) this.#actionsOf(kind);
    return jsonAnswer(200, await pageOf(this.#nexus.agents(kind), wholeParameter('limit', limit, LIMIT_DEFAULT, 1, LIMIT_MAX), after, signal));
  }

  async show({ parameters, search }: GatewayRequest): Promise<Answer> {
    this.#checkRunning();
    parseQuery(search, []);
    return this.#shown(200, checkedId(parameters['id']));
  }

  async put({ parameters, search, body }: GatewayRequest): Promise<Answer> {
    this.#checkRunning();
    parseQuery(search, []);
    const id = checkedId(parameters['id']);
    const { kind, init } = checkedCreation(await body());
    this.#actionsOf(kind);
    for (let attempt = 1; ; attempt++) {
      if ((await this.#find(id, kind)) !== undefined) return this.#shown(200, id);
      try {
        await this.#nexus.spawn(named(kind), { id, init, ...(this.#isNode ? { node: 'ring' } : {}) });
        return this.#shown(201, id, { location: agentPath('/agents/', id) });
      } catch (error) {
        // Somebody else was faster: look again.
        if (attempt >= PUT_ATTEMPTS || !hasCode(error, 'NEXUS_ID_DUPLICATE')) throw error;
      }
    }
  }

  async stop({ parameters, search }: GatewayRequest): Promise<Answer> {
    this.#checkRunning();
    parseQuery(search, []);
    const id = checkedId(parameters['id']);
    const agent = await this.#find(id);
    if (agent === undefined) throw notFound(id);
    const { kind } = agent;
    await agent.stop();
    return jsonAnswer(200, { id, kind, stopped: true });
  }

  listKinds({ search }: GatewayRequest): Answer {
    parseQuery(search, []);
    return jsonAnswer(200, { kinds: this.#nexus.kinds() });
  }

  async #ask(agent: AgentRef, id: string, action: string, input: unknown, signal: AbortSignal): Promise<unknown> {
    try {
      return await (agent.ask as (action: string, input: unknown, options: { signal: AbortSignal }) => Promise<unknown>).call(agent, action, input, { signal });
    } catch (error) {
      signal.throwIfAborted();
      const ended = hasCode(error, 'NEXUS_AGENT_NOT_FOUND') || hasCode(error, 'NEXUS_AGENT_STOPPED');
      if (isMismatchOf(error, agent.kind, action)) throw error;
      // The same code from an agent that is still there is about another one, which its handler used.
      if (!ended || this.#nexus.find(id)?.equals(agent) === true) throw new HandlerFailure(error);
      this.#checkRunning();
      throw new NexusError(
        (error as NexusError).code,
        `${agent.kind} ${quoted(id)} ended before it handled ${quoted(action)}; send it again with ?kind=${agent.kind} to make another`,
        {
          cause: error,
          data: { id, kind: agent.kind, action },
        },
      );
    }
  }

  async #shown(status: number, id: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const summary = this.#nexus.summary(id);
    if (summary !== undefined) return jsonAnswer(status, { ...summary, actions: this.#actionsOf(summary.kind) }, headers);
    const elsewhere = this.#isNode ? await this.#nexus.locate(id) : undefined;
    if (elsewhere === undefined) throw notFound(id);
    // Its kind may be one that this node does not have.
    const actions = this.#actions.get(elsewhere.kind);
    return jsonAnswer(status, { id, kind: elsewhere.kind, node: elsewhere.node?.name, ...(actions === undefined ? {} : { actions }) }, headers);
  }

  get #isNode(): boolean {
    return this.#nexus.cluster !== undefined;
  }

  /** The agent of this id on any node: others are asked only if it is not known here. */
  async #find(id: string, kind?: string): Promise<AgentRef | undefined> {
    const definition = kind === undefined ? undefined : named(kind);
    const found = this.#nexus.find(id, definition);
    if (found !== undefined || !this.#isNode || (await this.#nexus.locate(id)) === undefined) return found;
    return this.#nexus.find(id, definition);
  }

  #actionsOf(kind: string): readonly string[] {
    const actions = this.#actions.get(kind);
    if (actions !== undefined) return actions;
    const kinds = [...this.#actions.keys()];
    throw new NexusError('NEXUS_KIND_UNKNOWN', `there is no kind ${quoted(kind)}${didYouMean(kind, kinds)} Kinds are ${listed(kinds)}`, {
      data: { kind, ...misspelt(kind, kinds) },
    });
  }

  #checkAction(kind: string, action: string): void {
    const actions = this.#actionsOf(kind);
    if (actions.includes(action)) return;
    const text = `'${kind}' has no action ${quoted(action)}${didYouMean(action, actions)} Its actions are ${listed(actions)}`;
    throw new NexusTypeError('NEXUS_ACTION_UNKNOWN', text, { kind, action, ...misspelt(action, actions) });
  }

  /** An agent of another node may be of a kind that this node does not have: its own node knows its actions. */
  #checkActionThere(kind: string, action: string): void {
    if (this.#isNode && !this.#actions.has(kind)) return;
    this.#checkAction(kind, action);
  }

  #checkRunning(): void {
    if (this.#nexus.isStopping) throw new NexusError('NEXUS_STOPPED', 'the nexus is stopping or has stopped: send it to another instance');
  }
}

/** `spawn`, `getOrSpawn` and `find` look at nothing but the name of a definition: the code is on the threads already. */
function named(kind: string): AnyAgent {
  return { kind } as AnyAgent;
}

function checkedId(id: string | undefined): string {
  if (id !== undefined && id.length > 0 && Buffer.byteLength(id) <= ID_BYTES_MAX) return id;
  throw new GatewayError(
    'GATEWAY_ID_INVALID',
    422,
    `the id in the path has ${id === undefined ? 0 : Buffer.byteLength(id)} bytes; an id has 1 to ${ID_BYTES_MAX} bytes of UTF-8`,
  );
}

function checkedCreation(body: unknown): { readonly kind: string; readonly init: unknown } {
  const known = ['kind', 'init'];
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalidCreation(`is ${valueText(body)}; it must be an object:`);
  for (const name of Object.keys(body)) {
    if (known.includes(name)) continue;
    throw invalidCreation(`has the unknown field ${quoted(name)}${didYouMean(name, known)} It is`, misspelt(name, known));
  }
  const { kind, init } = body as { kind?: unknown; init?: unknown };
  if (typeof kind !== 'string') throw invalidCreation(`needs the field 'kind', a string, not ${valueText(kind)}:`);
  return { kind, init };
}

function invalidCreation(message: string, data: Record<string, unknown> = {}): GatewayError {
  return new GatewayError('GATEWAY_BODY_INVALID', 422, `the body ${message} {"kind": "...", "init": ...}, of which init may be left out`, { data });
}

function notFound(id: string): NexusError {
  return new NexusError('NEXUS_AGENT_NOT_FOUND', `there is no agent ${quoted(id)}; PUT /agents/:id makes one, and so does ?kind= when it is called`, {
    data: { id },
  });
}

/** The agent that was asked was not there: surely not handled, whatever has happened since. The same code from the handler is about somebody else. */
function hasEnded(error: unknown, id: string, action: string): boolean {
  if (!hasCode(error, 'NEXUS_AGENT_NOT_FOUND')) return false;
  const cause = (error as NexusError).cause as NexusError | undefined;
  return hasCode(cause, 'NEXUS_AGENT_NOT_FOUND') && cause?.data?.['id'] === id && cause.data['action'] === action;
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof NexusError && error.code === code;
}

const REFUSALS: ReadonlySet<string> = new Set<ErrorCode>(['NEXUS_SHAPE_MISMATCH', 'NEXUS_INPUT_INVALID', 'NEXUS_STATE_INVALID']);

/** The input of this very request is not what its action declares, or does not lead to a state that may be. */
function isMismatchOf(error: unknown, kind: string, action: string): boolean {
  if (!(error instanceof NexusTypeError) || !REFUSALS.has(error.code)) return false;
  const { data } = error;
  return data?.['kind'] === kind && data['action'] === action && data['part'] !== 'reply';
}

function orNull(value: unknown): unknown {
  return value === undefined ? null : value;
}

/**
 * What is seen of the agents of a whole cluster, and what of it must not be: each handler that begins, on which node and by which registration; each ask, and what came of it; each numbered message; each end that a watcher is told.
 * It knows all nodes at once, as no node does, and nothing of how they agree. Pure: told by the agents of `agent-kinds.ts` and the clients of `agent-workload.ts` when it happens, asked by `agents-simulation.ts` and `quiet-checks.ts`.
 */
import type { HistoryOperation } from '../linearizability/history.js';
import type { RegisterInput } from '../linearizability/sequential-model.js';
import type { AgentMark } from './coverage.js';
import type { Violation } from './invariants.js';

/** Where a handler begins: what the node of it believes at that moment. */
export interface Beginning {
  readonly id: string;
  readonly kind: string;
  readonly what: string;
  /** Of the start of a node: `n1#3`. */
  readonly host: string;
  /** Whether its lease, and the time that agents have to stop when it has ended, lets handlers begin. */
  readonly mayRun: boolean;
  /** Tokens are of one founding of a cluster: a new one is founded only when nothing runs of the one before. */
  readonly clusterId: string;
  /** Of its registration; undefined if the node has none for it. */
  readonly token: number | undefined;
  readonly atMs: number;
}

/** One ask of a client. */
export interface Asked {
  readonly number: number;
  readonly id: string;
  readonly what: string;
  atMs: number;
  /** For registers. */
  readonly input?: RegisterInput;
  outcome: 'open' | 'ok' | 'failed' | 'unknown';
  handled: number;
  text: string;
}

/** Errors which say that nobody has handled the message, nor ever will. */
const NEVER_HANDLED: ReadonlySet<string> = new Set([
  'NEXUS_NODE_UNREACHABLE',
  'NEXUS_BACKPRESSURE',
  'NEXUS_MAILBOX_FULL',
  'NEXUS_AGENT_NOT_FOUND',
  'NEXUS_AGENT_STOPPED',
]);

/** All nodes know after so long that an agent has moved. */
const MOVING_MS = 5000;

export class AgentLedger {
  /** The first that was found. */
  violation: Violation | undefined;
  /** Whether two sides of a cluster may both go on, as its resolver says: then an id may be active on both. */
  readonly mayBothRun: boolean;
  readonly counts: Partial<Record<AgentMark, number>> = {};
  readonly asks: Asked[] = [];
  /** Of registers, by id. */
  readonly histories = new Map<string, HistoryOperation<RegisterInput, unknown>[]>();
  readonly #last = new Map<string, { token: number; host: string; what: string }>();
  /** By receiver and sender: the last number that was handled. */
  readonly #sequences = new Map<string, number>();
  readonly #hostOfSequence = new Map<string, string>();
  readonly #told = new Set<string>();
  readonly #heard = new Set<string>();
  readonly #saidTo = new Set<string>();
  readonly #publishedAtMs = new Map<number, number>();
  /** When the activation of each id was first seen that it has now. */
  readonly #activeSinceMs = new Map<string, number>();
  /** By id, the last life of which a handler has begun. */
  readonly #lives = new Map<string, number>();
  /** By id and life: how often it has added one. */
  readonly #counted = new Map<string, number>();
  readonly #ticks = new Map<string, number>();
  /** Of each stream, what was sent and what has come. */
  readonly #streams = new Map<number, { sent: number; arrived: number }>();
  #numbers = 0;
  /** Of the handler that runs now. */
  #beginning: Beginning | undefined;

  constructor(mayBothRun: boolean) {
    this.mayBothRun = mayBothRun;
  }

  /** Of the handler that runs now: read before it awaits anything. */
  get host(): string {
    return this.#beginning?.host ?? '';
  }

  seen(mark: AgentMark, times = 1): void {
    this.counts[mark] = (this.counts[mark] ?? 0) + times;
  }

  /** Before a handler or hook of an agent that is registered. */
  begun(beginning: Beginning): void {
    this.#beginning = beginning;
    const { id, kind, what, host, mayRun, clusterId, token, atMs } = beginning;
    // Its last words change nothing that anybody is told of.
    if (what === 'stop' || this.mayBothRun) return;
    const which = `${kind} '${id}' ${what}`;
    if (!mayRun) return this.fail('handlers begin only while the lease lets them', `${which} begins on ${host}, whose lease and stop margin are over`);
    if (token === undefined) return this.fail('agents run by their registration', `${which} begins on ${host}, which has no registration for it`);
    const key = `${clusterId} ${id}`;
    const last = this.#last.get(key);
    this.#last.set(key, { token, host, what });
    if (last?.token !== token) this.#activeSinceMs.set(id, atMs);
    if (last === undefined || (last.token === token && last.host === host)) return;
    if (token < last.token)
      return this.fail('tokens never go back', `${which} begins on ${host} with token ${token}, after '${last.what}' on ${last.host} with token ${last.token}`);
    if (token === last.token) return this.fail('one id, one activation', `${which} begins on ${host} and on ${last.host}, both with token ${token}`);
    this.seen('handled in a later activation');
    if (kind === 'register') this.seen('durable agent in a later activation');
  }

  asked(id: string, what: string, atMs: number, input?: RegisterInput): Asked {
    const asked: Asked = { number: this.asks.length, id, what, atMs, ...(input === undefined ? {} : { input }), outcome: 'open', handled: 0, text: '' };
    this.asks.push(asked);
    return asked;
  }

  /** In the handler of an ask. */
  handled(number: number): void {
    const asked = this.asks[number];
    if (asked === undefined) return;
    asked.handled++;
    if (asked.handled > 1) this.fail('what was asked once is handled once', `${textOf(asked)} is handled a second time, on ${this.#beginning?.host}`);
    if (asked.outcome === 'failed') this.fail('what has failed for sure is never handled', `${textOf(asked)} is handled on ${this.#beginning?.host}`);
  }

  answered(asked: Asked, output: unknown, atMs: number): void {
    asked.outcome = 'ok';
    this.seen('ask answered');
    if (asked.handled === 0) this.fail('what was answered was handled', `${textOf(asked)} was answered, and nobody has handled it`);
    this.#record(asked, atMs, output);
  }

  rejected(asked: Asked, error: unknown, atMs: number): void {
    const { code = '', message = String(error) } = error as { code?: string; message?: string };
    const isSure = NEVER_HANDLED.has(code);
    asked.outcome = isSure ? 'failed' : 'unknown';
    asked.text = message;
    this.seen(isSure ? 'ask refused' : 'ask of unknown outcome');
    if (isSure && asked.handled > 0) this.fail('what has failed for sure is never handled', `${textOf(asked)} was handled`);
    this.#record(asked, atMs, undefined);
  }

  /** Nobody waits for it any more. */
  abandoned(asked: Asked, isSent: boolean, atMs: number): void {
    asked.outcome = isSent ? 'unknown' : 'failed';
    asked.text = isSent ? 'the process that asked has ended' : 'it was not sent';
    this.#record(asked, atMs, undefined);
  }

  /** In handlers of agents whose lives have numbers, a greater one each time. */
  lived(id: string, life: number): void {
    const last = this.#lives.get(id) ?? 0;
    if (life < last && !this.mayBothRun)
      this.fail('a life that is over never goes on', `'${id}' of life ${life} handles a message on ${this.#beginning?.host}, after one of life ${last} has`);
    this.#lives.set(id, Math.max(life, last));
  }

  /** In the handler of an agent that counts in its memory, which goes along when it moves. */
  counted(id: string, life: number, count: number): void {
    this.lived(id, life);
    const key = `${id}#${life}`;
    const expected = (this.#counted.get(key) ?? 0) + 1;
    this.#counted.set(key, count);
    if (count !== expected && !this.mayBothRun)
      this.fail('what an agent remembers goes along', `'${id}' of life ${life} counts ${count} on ${this.#beginning?.host}, where ${expected} was to come`);
  }

  /** In the handler of a timer. */
  ticked(id: string, life: number): void {
    this.lived(id, life);
    this.#ticks.set(id, this.ticks(id) + 1);
  }

  ticks(id: string): number {
    return this.#ticks.get(id) ?? 0;
  }

  /** A number that nothing else has. */
  number(): number {
    return --this.#numbers;
  }

  /** The number of the next message of a stream. */
  streamed(stream: number): number {
    const known = this.#streams.get(stream) ?? { sent: 0, arrived: 0 };
    this.#streams.set(stream, known);
    return ++known.sent;
  }

  arrived(stream: number): number {
    return this.#streams.get(stream)?.arrived ?? 0;
  }

  /** In the handler of a numbered message. */
  numbered(receiver: string, sender: string, number: number, stream?: number): void {
    const known = stream === undefined ? undefined : this.#streams.get(stream);
    if (known !== undefined) known.arrived++;
    const key = `${receiver} < ${sender}`;
    const last = this.#sequences.get(key) ?? 0;
    if (number <= last && !this.mayBothRun)
      return this.fail(
        'messages of a pair stay in order',
        `'${receiver}' handles number ${number} of '${sender}' after number ${last}, on ${this.#beginning?.host}`,
      );
    this.#sequences.set(key, number);
    const host = this.#beginning?.host ?? '';
    const before = this.#hostOfSequence.get(key);
    if (before !== undefined && before !== host) this.seen('order kept over a move');
    this.#hostOfSequence.set(key, host);
  }

  /** In the hook of a watcher. @param watch which one of all */
  told(watch: string, isNodeLost: boolean): void {
    this.seen(isNodeLost ? 'node lost told to a watcher' : 'end told to a watcher');
    if (this.#told.has(watch) && !this.mayBothRun) this.fail('watchers are told once', `${watch} is told a second time, on ${this.#beginning?.host}`);
    this.#told.add(watch);
  }

  isTold(watch: string): boolean {
    return this.#told.has(watch);
  }

  published(number: number, atMs: number): void {
    this.#publishedAtMs.set(number, atMs);
  }

  /** In the handler of something that was published or broadcast once. */
  heard(what: 'signal handled' | 'broadcast handled', id: string, life: number, number: number): void {
    this.seen(what);
    this.lived(id, life);
    this.#saidTo.add(`${what} ${id} ${number}`);
    const receiver = `${id}#${life}`;
    const key = `${what} ${receiver} ${number}`;
    const isSecond = this.#heard.has(key);
    this.#heard.add(key);
    if (!isSecond || this.mayBothRun) return;
    // While an agent moves from one node to another it may get a signal from both (docs/signals.md): until all nodes know that it has.
    const sinceMs = this.#activeSinceMs.get(id) ?? Number.NEGATIVE_INFINITY;
    if (what === 'signal handled' && sinceMs > (this.#publishedAtMs.get(number) ?? 0) - MOVING_MS) return this.seen('signal of both nodes of a move');
    this.fail('what was said once is heard once', `'${receiver}' hears number ${number} a second time (${what})`);
  }

  hasHeard(what: 'signal handled' | 'broadcast handled', id: string, number: number): boolean {
    return this.#saidTo.has(`${what} ${id} ${number}`);
  }

  fail(invariant: string, text: string): void {
    this.violation ??= { invariant, text };
  }

  #record({ id, number, input, outcome, atMs: invokedAt }: Asked, returnedAt: number, output: unknown): void {
    if (input === undefined || outcome === 'open') return;
    // What was not read says nothing.
    if (outcome !== 'ok' && input.f === 'read') return;
    const history = this.histories.get(id) ?? [];
    this.histories.set(id, history);
    history.push({ process: number, input, invokedAt, outcome, ...(outcome === 'ok' ? { output, returnedAt } : {}) });
    if (outcome === 'ok' && input.f !== 'read') this.seen('write acknowledged');
  }
}

export function textOf({ number, id, what, atMs, text }: Asked): string {
  return `ask ${number} ('${what}' of '${id}' at ${(atMs / 1000).toFixed(3)} s${text === '' ? '' : `: ${text}`})`;
}

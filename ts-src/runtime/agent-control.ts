/**
 * What an operator does with one agent of whatever thread, by its id or a reference: looks inside, pauses it and lets it go on. Finds its thread and asks that; looks again for one that moves
 * meanwhile. On the calling thread, for `Nexus`.
 */
import { NexusError, optionError } from '../errors.js';
import type { AgentRef } from '../model/agent-ref.js';
import { checkNames } from '../model/nearest-name.js';
import type { AgentInspection } from '../model/observation.js';
import { AgentReference } from './agent-reference.js';
import { agentNotFound } from './failures.js';
import { inspectHere } from './inspecting.js';
import { pauseHere } from './pausing.js';
import type { ThreadHost } from './thread-host.js';

/** Limits of what `nexus.inspect` shows. */
export interface InspectOptions {
  /** Bytes of the text of the state: 1 to 1,048,576, default 16,384. */
  readonly textBytesMax?: number;
}

/** A thread whose event loop turns answers in microseconds. */
const ANSWER_TIMEOUT_MS = 2000;
const AGAIN_MS = 2;
const TEXT_BYTES = 16_384;
const TEXT_BYTES_MAX = 1_048_576;

export class AgentControl {
  readonly #host: ThreadHost;

  constructor(host: ThreadHost) {
    this.#host = host;
  }

  /** @throws NexusError NEXUS_AGENT_NOT_FOUND; NexusTypeError NEXUS_OPTION_INVALID */
  locate(agent: string | AgentRef, what: string): AgentReference {
    const { durable, directory } = this.#host;
    if (typeof agent === 'string') {
      const found = this.#host.find(agent, undefined) ?? directory.findEnding(agent);
      if (found !== undefined) return found;
      throw new NexusError('NEXUS_AGENT_NOT_FOUND', `${what}: there is no agent with id '${agent}'; nexus.agents() lists those there are`, {
        data: { id: agent },
      });
    }
    if (!(agent instanceof AgentReference)) throw optionError(what, `needs the id of an agent or a reference to it, not ${describe(agent)}`);
    if (agent.host !== this.#host) throw optionError(what, `${String(agent)} belongs to another nexus`);
    if (agent.kindEntry.isDurable) durable?.follow(agent);
    return agent;
  }

  async inspect(agent: string | AgentRef, options: InspectOptions = {}): Promise<AgentInspection> {
    checkNames('inspect', options, ['textBytesMax']);
    const { textBytesMax = TEXT_BYTES } = options;
    if (!(Number.isInteger(textBytesMax) && textBytesMax >= 1 && textBytesMax <= TEXT_BYTES_MAX))
      throw optionError('textBytesMax', `is ${String(textBytesMax)}; it must be a whole number from 1 to ${TEXT_BYTES_MAX.toLocaleString('en')}`);
    const reference = this.locate(agent, 'inspect');
    const target = { kind: reference.kind, id: reference.id };
    const found = await this.#where(reference, `inspect '${target.id}'`, (thread) => {
      const { slot, generation } = reference;
      if (thread === this.#host.thread) return inspectHere(this.#host, slot, generation, textBytesMax);
      return this.#host.router.request(thread, 'inspectAgent', { slot, generation, textBytesMax }, ANSWER_TIMEOUT_MS, target);
    });
    return found ?? this.#passivated(reference);
  }

  async setPaused(agent: string | AgentRef, isPaused: boolean): Promise<void> {
    const what = isPaused ? 'pause' : 'resume';
    const reference = this.locate(agent, what);
    const target = { kind: reference.kind, id: reference.id };
    const done = await this.#where(reference, `${what} '${target.id}'`, async (thread) => {
      const { slot, generation } = reference;
      const isHere =
        thread === this.#host.thread
          ? await pauseHere(this.#host, () => this.#host.cells.get(slot, generation), isPaused)
          : await this.#host.router.request(thread, 'pauseAgent', { slot, generation, isPaused }, ANSWER_TIMEOUT_MS, target);
      return isHere ? true : undefined;
    });
    if (done === undefined) throw agentNotFound(target.kind, target.id);
  }

  /** What the thread of an agent answers; undefined if the agent is on none. Asks again for one that is on its way to another thread. */
  async #where<T>(reference: AgentReference, what: string, ask: (thread: number) => T | undefined | Promise<T | undefined>): Promise<T | undefined> {
    const { clock, engine } = this.#host;
    const deadlineMs = clock.nowMs() + ANSWER_TIMEOUT_MS;
    for (;;) {
      const thread = engine.table.threadOf(reference.slot, reference.generation);
      if (thread < 0) return undefined;
      let answer: T | undefined;
      try {
        answer = await ask(thread);
      } catch (error) {
        throw timeoutText(error, thread, ANSWER_TIMEOUT_MS, what);
      }
      if (answer !== undefined) return answer;
      // It ended, or began to.
      if (clock.nowMs() >= deadlineMs) return undefined;
      await new Promise<void>((resolve) => {
        clock.after(AGAIN_MS, resolve);
      });
    }
  }

  /** Of a durable agent that is stored and not in memory; it stays so. */
  #passivated(reference: AgentReference): AgentInspection {
    const { kindEntry, id } = reference;
    const { durable } = this.#host;
    const isStored = kindEntry.isDurable && durable?.findStored(id, undefined)?.kindEntry === kindEntry;
    if (!isStored) throw agentNotFound(reference.kind, id);
    return {
      id,
      kind: kindEntry.name,
      thread: this.#host.homeOf(kindEntry, id),
      status: 'passivated',
      restarts: 0,
      isDurable: true,
      parent: undefined,
      ...{ children: 0, watchers: 0, links: 0, groups: [], timers: [], subscriptions: [], signals: [] },
      state: { text: '(not in memory: the next message brings it back)', isCut: false },
      mailbox: { waiting: 0, capacity: kindEntry.capacity, overflow: kindEntry.overflow, first: [] },
    };
  }
}

/** A thread that did not answer: says what that means. Any other failure as it is. */
export function timeoutText(error: unknown, thread: number, timeoutMs: number, what: string): unknown {
  if (!(error instanceof NexusError) || error.code !== 'NEXUS_ASK_TIMEOUT') return error;
  const message = `${what}: thread ${thread} did not answer within ${timeoutMs} ms: its event loop is blocked, as by a handler that computes without a pause; nexus.snapshot() shows its lag`;
  return new NexusError('NEXUS_ASK_TIMEOUT', message, { cause: error, data: { thread, timeoutMs } });
}

function describe(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`;
}

/**
 * The one implementation of `AgentRef`. A reference to an agent of the same thread holds its cell, so that a tell is a queue operation; any other goes through
 * a ring to the thread that the shared table names. Created by the thread's host only; each thread has reference objects of its own.
 */
import { optionError, valueText } from '../errors.js';
import type { AnyAgent } from '../model/agent-definition.js';
import type { AgentRef, AskOptions, OfferOptions, TellOutcome } from '../model/agent-ref.js';
import { checkNames } from '../model/nearest-name.js';
import type { RemoteAgent } from '../model/remote-agent.js';
import type { AgentCell } from './agent-cell.js';
import type { ActionEntry, Kind } from './kind.js';
import type { MessageRouter } from './message-router.js';

const TIMEOUT_MS_MAX = 86_400_000;

/** What a reference asks of its thread. */
export interface ReferenceHost {
  readonly router: MessageRouter;
  stop(target: AgentReference, timeoutMs: number | undefined): Promise<void>;
  nameOf(slot: number, generation: number): string | undefined;
  /** Whether two references, one of which at least is to an agent of another node, are to the same one. */
  isSame(a: AgentReference, b: AgentReference): boolean;
}

export class AgentReference implements AgentRef<AnyAgent> {
  readonly host: ReferenceHost;
  /** Changes once at most, for one that stands in for an agent of its kind. */
  kindEntry: Kind;
  /** Its address; 0 for a durable agent that is not in memory. That of a durable agent changes when it leaves memory and returns. */
  slot: number;
  generation: number;
  /** The agent itself, if it is on this thread and has been looked up. */
  cell: AgentCell | undefined;
  /** Of an agent of another node: slot and generation are 0 then, and the id is known. One that is of this node may become one of another, and one that has come here one of this node. */
  remote: RemoteAgent | undefined = undefined;
  #id: string | undefined;

  constructor(host: ReferenceHost, kind: Kind, slot: number, generation: number, cell: AgentCell | undefined, id: string | undefined) {
    this.host = host;
    this.kindEntry = kind;
    this.slot = slot;
    this.generation = generation;
    this.cell = cell;
    // A durable agent is found again by its id, when its address is nobody's any more.
    this.#id = id ?? (kind.isDurable ? host.nameOf(slot, generation) : undefined);
  }

  get id(): string {
    this.#id ??= this.host.nameOf(this.slot, this.generation);
    return this.#id ?? `(ended ${this.kind})`;
  }

  /** The agent has moved to another node. */
  becomeRemote(remote: RemoteAgent, id: string): void {
    this.slot = 0;
    this.generation = 0;
    this.cell = undefined;
    this.remote = remote;
    this.#id = id;
  }

  /** The agent has returned: a durable one to memory, any other to this node. */
  rebind(live: AgentReference): void {
    this.remote = undefined;
    this.slot = live.slot;
    this.generation = live.generation;
    this.cell = live.cell;
  }

  /** Whether its address is this one: that of an agent that has come home is another generation, maybe of the same slot. */
  isAt(slot: number, generation: number): boolean {
    return this.slot === slot && this.generation === generation;
  }

  /** The id without looking it up: undefined if nobody has asked for it yet. */
  get knownId(): string | undefined {
    return this.#id;
  }

  /** The agent is on this thread. Returns its own entry of an action: what stands in for an agent of a kind has other handlers than the kind. */
  resolveTo(cell: AgentCell, action: ActionEntry): ActionEntry {
    this.cell = cell;
    if (cell.kind === this.kindEntry) return action;
    this.kindEntry = cell.kind;
    return cell.kind.actions[action.index] as ActionEntry;
  }

  get kind(): string {
    return this.kindEntry.name;
  }

  tell(action: string, input?: unknown): TellOutcome {
    const entry = this.kindEntry.action(action);
    const cell = this.cell;
    return cell !== undefined ? this.host.router.tellLocal(cell, entry, input, undefined) : this.host.router.tellRemote(this, entry, input, undefined);
  }

  offer(action: string, input?: unknown, options?: OfferOptions): Promise<TellOutcome> {
    return this.host.router.offer(this, action, input, options, undefined, never);
  }

  ask(action: string, input?: unknown, options?: AskOptions): Promise<never> {
    return this.host.router.ask(this, action, input, options, undefined) as Promise<never>;
  }

  stop(options?: { readonly timeoutMs?: number }): Promise<void> {
    if (options === undefined) return this.host.stop(this, undefined);
    try {
      checkNames('stop', options, ['timeoutMs']);
      const { timeoutMs } = options;
      if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs > 0 && timeoutMs <= TIMEOUT_MS_MAX))
        throw optionError('timeoutMs', `is ${valueText(timeoutMs)}; it must be more than 0 and at most ${TIMEOUT_MS_MAX}`);
      return this.host.stop(this, timeoutMs);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  equals(other: AgentRef): boolean {
    if (!(other instanceof AgentReference)) return false;
    if (this.kindEntry.isDurable) return other.kind === this.kind && other.id === this.id;
    if (this.remote !== undefined || other.remote !== undefined) return this.host.isSame(this, other);
    return other.slot === this.slot && other.generation === this.generation;
  }

  /** What console.log shows: not the whole thread. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  toString(): string {
    return `AgentRef(${this.kind} '${this.id}')`;
  }

  toJSON(): { readonly kind: string; readonly id: string } {
    return { kind: this.kind, id: this.id };
  }
}

function never(): boolean {
  return false;
}

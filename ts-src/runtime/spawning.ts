/** Chooses a thread for a new agent, has it started there, and ties children to their parents. */
import { type SharedMemory, threadWord } from '../../bindings/shared-memory.js';
import * as L from '../../layout/generated/layout.js';
import { type ErrorCode, NexusError, NexusTypeError, optionError, valueText } from '../errors.js';
import type { Logger } from '../model/agent-context.js';
import type { AnyAgent } from '../model/agent-definition.js';
import { checkNames } from '../model/nearest-name.js';
import { leastLoaded, type ThreadLoad } from '../model/placement.js';
import type { NodeChoice, SpawnOptions } from '../model/spawn-options.js';
import type { Clock } from '../ports/clock.js';
import { type AgentCell, extraOf, Status } from './agent-cell.js';
import type { AgentReference } from './agent-reference.js';
import { isWellFormed } from './directory.js';
import { nexusStopped, spawnTimeout } from './failures.js';
import type { Kind, KindRegistry } from './kind.js';
import { addAmong } from './remote/agent-keys.js';
import { encodeInit } from './remote/kept-init.js';
import { checkNodeChoice, generatedId, type IdClaim, isOfCluster, type NodePlacing, type NodeSpawn } from './remote/node-placing.js';

const GET_OR_SPAWN_ATTEMPTS = 8;
const GET_OR_SPAWN_OPTIONS = ['init', 'thread', 'node', 'timeoutMs'];
const SPAWN_OPTIONS = ['id', ...GET_OR_SPAWN_OPTIONS];
const SPAWN_TIMEOUT_MS = 30_000;
const ENDING_UNSEEN: readonly ErrorCode[] = ['NEXUS_STOP_TIMEOUT', 'NEXUS_ASK_TIMEOUT', 'NEXUS_THREAD_LOST'];
const TIMEOUT_MS_MAX = 86_400_000;

export interface SpawningNeeds {
  readonly thread: number;
  readonly incarnation: number;
  readonly shared: SharedMemory;
  readonly kinds: KindRegistry;
  readonly logger: Logger;
  isStopping(): boolean;
  canReach(thread: number): boolean;
  readonly clock: Clock;
  find(id: string, definition: AnyAgent): AgentReference | undefined;
  /** The agent that has this id and whose end has begun. */
  findEnding(id: string): AgentReference | undefined;
  /** Resolves when an agent whose end has begun has ended. Rejects with NEXUS_STOP_TIMEOUT or NEXUS_ASK_TIMEOUT, or when its thread is lost. */
  whenEnded(agent: AgentReference, timeoutMs: number): Promise<void>;
  /** The agent that has this id, and whether it was spawned by `parent`, in whichever of its lives. */
  holderOf(id: string, parent: AgentReference): { readonly agent: AgentReference; readonly isChild: boolean; readonly isParentless: boolean } | undefined;
  /** @param isComing it was on another node, in the same life */
  spawnHere(
    kind: Kind,
    id: string,
    init: unknown,
    parent: AgentReference | undefined,
    timeoutMs: number,
    isComing: boolean,
  ): AgentReference | Promise<AgentReference>;
  /** Settles also long after the timeout, with what became of it. */
  spawnThere(
    thread: number,
    kind: Kind,
    id: string,
    init: unknown,
    parent: AgentReference | undefined,
    timeoutMs: number,
    isComing: boolean,
  ): Promise<AgentReference>;
  referenceOf(cell: AgentCell): AgentReference;
  /** False for an agent that has ended. */
  isLive(agent: AgentReference): boolean;
  /** A child has started on another node. */
  adoptFromNode(parent: AgentCell, child: AgentReference): void;
  /** Ids of the cluster; undefined in a nexus that is no node. */
  placing(): NodePlacing | undefined;
}

export class Spawning {
  readonly #needs: SpawningNeeds;
  /** Spawns on their way, by thread. */
  readonly #underway: number[];
  /** Agents a thread has when what is on its way is there: the published count may show some of those already. */
  readonly #expected: number[];
  #lastPlaced = 0;
  #named = 0;

  constructor(needs: SpawningNeeds) {
    this.#needs = needs;
    this.#underway = new Array(needs.shared.threadCount).fill(0);
    this.#expected = new Array(needs.shared.threadCount).fill(0);
  }

  spawn(definition: AnyAgent, options: SpawnOptions | undefined, parentCell: AgentCell | undefined): Promise<AgentReference> {
    try {
      if (this.#needs.isStopping()) throw nexusStopped();
      const kind = this.#kindOf(definition);
      if (options !== undefined) checkNames('spawn', options, SPAWN_OPTIONS);
      const id = options?.id ?? this.#newId(kind);
      const thread = this.#place(kind, id, options?.thread ?? 'auto');
      const timeoutMs = timeoutOf(options);
      const placing = this.#needs.placing();
      if (options?.node !== undefined) checkNodeChoice(options.node, placing !== undefined);
      if (placing !== undefined && isPlaced(placing, kind, id, options?.node ?? 'here', parentCell))
        return this.#spawnInCluster(placing, kind, id, thread, options, parentCell, timeoutMs);
      if (parentCell === undefined) return this.#within(timeoutMs, thread, kind.name, id, this.#spawnOn(thread, kind, id, options?.init, undefined, timeoutMs));
      const spawned = this.#spawnChild(parentCell, thread, kind, id, options?.init, timeoutMs);
      return this.#adopt(parentCell, id, this.#within(timeoutMs, thread, kind.name, id, spawned));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async getOrSpawn(definition: AnyAgent, id: string, options: SpawnOptions | undefined): Promise<AgentReference> {
    const kind = this.#kindOf(definition);
    if (options !== undefined) checkNames('getOrSpawn', options, GET_OR_SPAWN_OPTIONS);
    const timeoutMs = timeoutOf(options);
    const placing = this.#needs.placing();
    if (options?.node !== undefined) checkNodeChoice(options.node, placing !== undefined);
    if (placing !== undefined && !kind.isOfNode) return this.#getOrSpawnInCluster(placing, kind, definition, id, options, timeoutMs);
    const deadlineMs = this.#needs.clock.nowMs() + timeoutMs;
    for (let attempt = 1; ; ) {
      const found = this.#needs.find(id, definition);
      if (found !== undefined) return found;
      if (this.#needs.isStopping()) throw nexusStopped();
      const remainingMs = deadlineMs - this.#needs.clock.nowMs();
      if (remainingMs <= 0) throw spawnTimeout(kind.name, id, timeoutMs);
      const ending = this.#needs.findEnding(id);
      if (ending !== undefined) {
        await this.#needs.whenEnded(ending, remainingMs).catch((error: unknown) => {
          // Too late, or the agent comes back on another thread: seen when looking again.
          if (!ENDING_UNSEEN.some((code) => hasCode(error, code))) throw error;
        });
        continue;
      }
      try {
        const thread = this.#place(kind, id, options?.thread ?? 'auto');
        return await this.#within(remainingMs, thread, kind.name, id, this.#spawnOn(thread, kind, id, options?.init, undefined, remainingMs));
      } catch (error) {
        // Somebody else was faster, or the thread was lost on the way: look again.
        if (attempt++ >= GET_OR_SPAWN_ATTEMPTS || (!hasCode(error, 'NEXUS_ID_DUPLICATE') && !hasCode(error, 'NEXUS_THREAD_LOST'))) throw error;
      }
    }
  }

  #spawnInCluster(
    placing: NodePlacing,
    kind: Kind,
    id: string,
    thread: number,
    options: SpawnOptions | undefined,
    parentCell: AgentCell | undefined,
    timeoutMs: number,
  ): Promise<AgentReference> {
    const init: unknown = options?.init;
    const parent = parentCell && this.#needs.referenceOf(parentCell);
    const node = options?.node ?? 'here';
    const isHere = node === 'here' || node === placing.node;
    const placement = node === 'ring' ? 'ring' : 'pinned';
    const call = { kind: kind.name, id, init, node, placement, parent, timeoutMs } as const;
    const spawned = isHere
      ? this.#spawnClaimed(placing, { ...call, init: keptInit(kind, init, parent) }, thread, (limitMs, isComing) =>
          parentCell === undefined
            ? this.#spawnOn(thread, kind, id, init, undefined, limitMs, isComing)
            : this.#spawnChild(parentCell, thread, kind, id, init, limitMs, isComing),
        )
      : placing.spawn({ ...call, thread: this.#threadThere(options) });
    return parentCell === undefined ? spawned : this.#adopt(parentCell, id, spawned);
  }

  /** Takes the id for this node first. A thread may come to a spawn long after it was given up: until it has, nothing gives the id back. */
  async #spawnClaimed(
    placing: NodePlacing,
    claim: IdClaim,
    thread: number,
    spawn: (timeoutMs: number, isComing: boolean) => AgentReference | Promise<AgentReference>,
  ): Promise<AgentReference> {
    const { clock } = this.#needs;
    const deadlineMs = clock.nowMs() + claim.timeoutMs;
    if (this.#needs.isStopping()) throw nexusStopped();
    const isComing = await placing.claim(claim);
    const limitMs = Math.max(1, deadlineMs - clock.nowMs());
    const begin = async (): Promise<AgentReference> => {
      try {
        // What is stopping, or may not run any more, starts nothing, however long the claim took.
        if (this.#needs.isStopping()) throw nexusStopped();
        return await spawn(limitMs, isComing);
      } finally {
        placing.settled(claim.id);
      }
    };
    return this.#within(limitMs, thread, claim.kind, claim.id, begin());
  }

  /** For another node, or for this one when it was found to be the one: on a thread of this node, with the id taken. */
  spawnForNode(placing: NodePlacing, { kind: name, id, init, thread, placement, parent, timeoutMs }: NodeSpawn): Promise<AgentReference> {
    const kind = this.#needs.kinds.byName(name);
    const place = this.#place(kind, id, thread);
    if (!isOfCluster(placing, kind, id)) return this.#within(timeoutMs, place, name, id, this.#spawnOn(place, kind, id, init, parent, timeoutMs));
    const claim: IdClaim = { id, kind: name, placement, init: keptInit(kind, init, parent), timeoutMs };
    return this.#spawnClaimed(placing, claim, place, (limitMs, isComing) => this.#spawnOn(place, kind, id, init, parent, limitMs, isComing));
  }

  /** For an agent that comes from another node. */
  threadFor(kind: string, id: string): number {
    return this.#place(this.#needs.kinds.byName(kind), id, 'auto');
  }

  #getOrSpawnInCluster(
    placing: NodePlacing,
    kind: Kind,
    definition: AnyAgent,
    id: string,
    options: SpawnOptions | undefined,
    timeoutMs: number,
  ): Promise<AgentReference> {
    checkId(id);
    const found = kind.isDurable ? undefined : this.#needs.find(id, definition);
    if (found !== undefined) return Promise.resolve(found);
    const node = options?.node ?? 'ring';
    const placement = node === 'ring' ? 'ring' : 'pinned';
    return placing.getOrSpawn({ kind: kind.name, id, init: options?.init, thread: this.#threadThere(options), node, placement, parent: undefined, timeoutMs });
  }

  #threadThere(options: SpawnOptions | undefined): 'auto' | number {
    const choice = options?.thread ?? 'auto';
    return choice === 'local' ? this.#needs.thread : choice;
  }

  /** Settles on another thread when that has come to it, perhaps long after the timeout: `#within`. */
  #spawnOn(
    thread: number,
    kind: Kind,
    id: string,
    init: unknown,
    parent: AgentReference | undefined,
    timeoutMs: number,
    isComing = false,
  ): AgentReference | Promise<AgentReference> {
    checkId(id);
    if (thread === this.#needs.thread) return this.#needs.spawnHere(kind, id, init, parent, timeoutMs, isComing);
    const spawned = this.#needs.spawnThere(thread, kind, id, init, parent, timeoutMs, isComing);
    this.#count(thread, spawned);
    return spawned;
  }

  #count(thread: number, spawned: Promise<unknown>): void {
    const before = this.#underway[thread] as number;
    this.#expected[thread] = (before === 0 ? this.#published(thread) : (this.#expected[thread] as number)) + 1;
    this.#underway[thread] = before + 1;
    spawned.then(
      () => {
        this.#underway[thread] = (this.#underway[thread] as number) - 1;
      },
      () => {
        this.#underway[thread] = (this.#underway[thread] as number) - 1;
        this.#expected[thread] = (this.#expected[thread] as number) - 1;
      },
    );
  }

  #published(thread: number): number {
    const { shared } = this.#needs;
    return shared.words[threadWord(shared, thread) + L.THREAD_WORD_AGENT_COUNT] as number;
  }

  /** Gives up a spawn on another thread that takes too long. If the agent is there in the end it is stopped: nobody else knows of it. */
  #within(timeoutMs: number, thread: number, kind: string, id: string, spawned: AgentReference | Promise<AgentReference>): Promise<AgentReference> {
    if (!(spawned instanceof Promise)) return Promise.resolve(spawned);
    // This thread keeps the limit itself.
    if (thread === this.#needs.thread) return spawned;
    return new Promise((resolve, reject) => {
      let isGivenUp = false;
      const cancel = this.#needs.clock.after(timeoutMs, () => {
        isGivenUp = true;
        reject(spawnTimeout(kind, id, timeoutMs));
      });
      spawned.then(
        (agent) => {
          if (isGivenUp)
            return void agent.stop().catch((error: unknown) => this.#needs.logger.warn({ id, error }, 'an agent that started too late did not end'));
          cancel();
          resolve(agent);
        },
        (error: unknown) => {
          cancel();
          reject(error);
        },
      );
    });
  }

  /** Waits for the end of a child that an earlier life of this parent left with the same id: the loss of a thread may bring the parent back before that. */
  async #spawnChild(parent: AgentCell, thread: number, kind: Kind, id: string, init: unknown, timeoutMs: number, isComing = false): Promise<AgentReference> {
    const { clock, referenceOf } = this.#needs;
    const deadlineMs = clock.nowMs() + timeoutMs;
    for (let remainingMs = timeoutMs; ; ) {
      try {
        return await this.#spawnOn(thread, kind, id, init, referenceOf(parent), remainingMs, isComing);
      } catch (error) {
        if (!hasCode(error, 'NEXUS_ID_DUPLICATE')) throw error;
        const holder = this.#needs.holderOf(id, referenceOf(parent));
        remainingMs = deadlineMs - clock.nowMs();
        if (remainingMs <= 0) throw error;
        // Nobody: it has ended since.
        if (holder === undefined) continue;
        // A durable child that a message has brought back while its parent was about to start it: it ends, saved, and starts as a child.
        const isBroughtBack = kind.isDurable && holder.isParentless && holder.agent.kindEntry === kind;
        if (!isBroughtBack && (!holder.isChild || isOfThisLife(parent, holder.agent))) throw error;
        // If that fails, so does the next attempt.
        await holder.agent.stop({ timeoutMs: remainingMs }).catch(() => undefined);
      }
    }
  }

  /** Makes the agent that is being spawned a child, unless its parent has ended or restarted meanwhile: then it ends too. */
  #adopt(parent: AgentCell, id: string, spawned: Promise<AgentReference>): Promise<AgentReference> {
    const extra = extraOf(parent);
    const { life } = extra;
    const adopted = spawned.then(async (child) => {
      if (parent.status >= Status.stopping || extra.life !== life) {
        await child.stop().catch((error: unknown) => this.#needs.logger.warn({ child: child.id, error }, 'a child did not end with its parent'));
      } else if (child.remote !== undefined) {
        this.#needs.adoptFromNode(parent, child);
      } else if (this.#needs.isLive(child)) {
        extra.children ??= new Map();
        addAmong(extra.children, child);
      }
    });
    extra.spawning ??= new Map();
    const { spawning } = extra;
    const settled: Promise<void> = adopted.then(
      () => void spawning.delete(settled),
      () => void spawning.delete(settled),
    );
    spawning.set(settled, id);
    return spawned;
  }

  #kindOf(definition: AnyAgent): Kind {
    if (typeof definition !== 'object' || definition === null || typeof definition.kind !== 'string') {
      throw new NexusTypeError('NEXUS_DEFINITION_INVALID', `spawn takes a definition made by defineAgent as its first argument, not ${valueText(definition)}`);
    }
    return this.#needs.kinds.byName(definition.kind);
  }

  #place(kind: Kind, id: string, choice: SpawnOptions['thread']): number {
    const { thread, shared } = this.#needs;
    if (choice === 'local') {
      if (kind.callingThreadOnly && thread !== 0) throw onlyOnCallingThread(kind, thread);
      return thread;
    }
    if (choice === 'auto') return kind.callingThreadOnly ? 0 : kind.isDurable ? this.homeOf(kind, id) : this.#leastLoaded();
    const number = choice as number;
    if (!Number.isInteger(number) || number < 0 || number >= shared.threadCount || !this.#needs.canReach(number)) {
      throw new NexusTypeError(
        'NEXUS_THREAD_UNKNOWN',
        `thread: ${valueText(choice)} is not a thread of this nexus; use 'auto', 'local' or a number from 0 to ${shared.threadCount - 1}`,
        { thread: choice },
      );
    }
    if (kind.callingThreadOnly && number !== 0) throw onlyOnCallingThread(kind, number);
    return number;
  }

  /** Where a durable agent starts and returns to: all threads agree on it, so that messages of one sender meet there in their order. */
  homeOf(kind: Kind, id: string): number {
    if (kind.callingThreadOnly) return 0;
    const { shared, canReach, thread } = this.#needs;
    const threads: number[] = [];
    for (let each = 1; each < shared.threadCount; each++) if (each === thread || canReach(each)) threads.push(each);
    return threads.length === 0 ? 0 : (threads[hashOf(id) % threads.length] as number);
  }

  #leastLoaded(): number {
    const { shared } = this.#needs;
    const loads: ThreadLoad[] = [];
    for (let thread = 1; thread < shared.threadCount; thread++) {
      const at = threadWord(shared, thread);
      if (Atomics.load(shared.words, at + L.THREAD_WORD_STATE) !== L.THREAD_STATE_READY) continue;
      const expected = (this.#underway[thread] as number) > 0 ? (this.#expected[thread] as number) : 0;
      loads.push({ thread, agents: Math.max(this.#published(thread), expected) });
    }
    const chosen = leastLoaded(loads, this.#lastPlaced);
    if (chosen >= 0) {
      this.#lastPlaced = chosen;
      return chosen;
    }
    // All workers are being replaced: the message waits in the ring of the first that is not given up.
    for (let thread = 1; thread < shared.threadCount; thread++) if (this.#needs.canReach(thread)) return thread;
    return 0;
  }

  #newId(kind: Kind): string {
    this.#named++;
    return generatedId(this.#needs.placing()?.node, kind.name, `${this.#needs.thread}.${this.#needs.incarnation}.${this.#named.toString(36)}`);
  }
}

/** A child that has come, or one of the same id that is on its way. */
function isOfThisLife({ extra }: AgentCell, child: AgentReference): boolean {
  if (extra?.children?.get(child.slot)?.generation === child.generation) return true;
  let underway = 0;
  for (const id of extra?.spawning?.values() ?? []) if (id === child.id) underway++;
  return underway > 1;
}

/** @throws NexusTypeError NEXUS_OPTION_INVALID */
function checkId(id: unknown): void {
  if (typeof id !== 'string' || id.length === 0) throw optionError('id', `must be a string of 1 to 1,024 bytes of UTF-8, not ${valueText(id)}`);
  if (!isWellFormed(id)) throw optionError('id', 'holds half of a surrogate pair, which UTF-8 cannot express');
}

/** Whether its id is to be taken in the cluster, or it starts on another node. Children of supervisors are of their node, unless they are given one. */
function isPlaced(placing: NodePlacing, kind: Kind, id: string, node: NodeChoice, parent: AgentCell | undefined): boolean {
  if (node !== 'here' && node !== placing.node) return true;
  return isOfCluster(placing, kind, id) && (node !== 'here' || parent?.kind.isSupervisor !== true);
}

/** Children start again with their parents, durable agents with what is stored of them. */
function keptInit(kind: Kind, init: unknown, parent: AgentReference | undefined): Uint8Array | undefined {
  return parent !== undefined || kind.isDurable ? undefined : encodeInit(init);
}

/** FNV-1a over the code units of an id. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < id.length; index++) hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}

function timeoutOf(options: SpawnOptions | undefined): number {
  const timeoutMs = options?.timeoutMs ?? SPAWN_TIMEOUT_MS;
  if (!(typeof timeoutMs === 'number' && timeoutMs > 0 && timeoutMs <= TIMEOUT_MS_MAX))
    throw optionError('timeoutMs', `is ${valueText(timeoutMs)}; it must be more than 0 and at most ${TIMEOUT_MS_MAX}`);
  return timeoutMs;
}

function hasCode(error: unknown, code: ErrorCode): boolean {
  return error instanceof NexusError && error.code === code;
}

function onlyOnCallingThread(kind: Kind, thread: number): NexusError {
  return new NexusError(
    'NEXUS_KIND_UNKNOWN',
    `kind '${kind.name}' was given to createNexus as a definition, not as a module, so thread ${thread} does not have its code: export it from a module in 'agents', or spawn it with thread: 'local'`,
    { data: { kind: kind.name, thread } },
  );
}

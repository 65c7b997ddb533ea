/** Chooses a thread for a new agent, has it started there, and ties children to their parents. */
import { type SharedMemory, threadWord } from '../../bindings/shared-memory.js';
import * as L from '../../layout/generated/layout.js';
import { NexusError, NexusTypeError, optionError } from '../errors.js';
import type { Logger } from '../model/agent-context.js';
import type { AnyAgent } from '../model/agent-definition.js';
import { checkNames } from '../model/nearest-name.js';
import { leastLoaded, type ThreadLoad } from '../model/placement.js';
import type { SpawnOptions } from '../model/spawn-options.js';
import { type AgentCell, extraOf, Status } from './agent-cell.js';
import type { AgentReference } from './agent-reference.js';
import { nexusStopped } from './failures.js';
import type { Kind, KindRegistry } from './kind.js';

const GET_OR_SPAWN_ATTEMPTS = 8;
const SPAWN_OPTIONS = ['id', 'init', 'thread'];

export interface SpawningNeeds {
  readonly thread: number;
  readonly incarnation: number;
  readonly shared: SharedMemory;
  readonly kinds: KindRegistry;
  readonly logger: Logger;
  isStopping(): boolean;
  canReach(thread: number): boolean;
  find(id: string, definition: AnyAgent): AgentReference | undefined;
  spawnHere(kind: Kind, id: string, init: unknown, parent: AgentReference | undefined): AgentReference | Promise<AgentReference>;
  spawnThere(thread: number, kind: Kind, id: string, init: unknown, parent: AgentReference | undefined): Promise<AgentReference>;
  referenceOf(cell: AgentCell): AgentReference;
  /** False for an agent that has ended. */
  isLive(agent: AgentReference): boolean;
}

export class Spawning {
  readonly #needs: SpawningNeeds;
  /** Spawns on their way, by thread: placed agents that its count does not show yet. */
  readonly #underway: number[];
  #lastPlaced = 0;
  #named = 0;

  constructor(needs: SpawningNeeds) {
    this.#needs = needs;
    this.#underway = new Array(needs.shared.threadCount).fill(0);
  }

  spawn(definition: AnyAgent, options: SpawnOptions | undefined, parentCell: AgentCell | undefined): Promise<AgentReference> {
    try {
      if (this.#needs.isStopping()) throw nexusStopped();
      const kind = this.#kindOf(definition);
      if (options !== undefined) checkNames('spawn', options, SPAWN_OPTIONS);
      const thread = this.#place(kind, options?.thread ?? 'auto');
      const id = options?.id ?? this.#newId(kind);
      const parent = parentCell === undefined ? undefined : this.#needs.referenceOf(parentCell);
      const spawned = this.#spawnOn(thread, kind, id, options?.init, parent);
      if (parentCell === undefined) return spawned instanceof Promise ? spawned : Promise.resolve(spawned);
      return this.#adopt(parentCell, Promise.resolve(spawned));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async getOrSpawn(definition: AnyAgent, id: string, options: SpawnOptions | undefined): Promise<AgentReference> {
    const kind = this.#kindOf(definition);
    if (options !== undefined) checkNames('getOrSpawn', options, SPAWN_OPTIONS);
    for (let attempt = 1; ; attempt++) {
      const found = this.#needs.find(id, definition);
      if (found !== undefined) return found;
      if (this.#needs.isStopping()) throw nexusStopped();
      try {
        return await this.#spawnOn(this.#place(kind, options?.thread ?? 'auto'), kind, id, options?.init, undefined);
      } catch (error) {
        const code = error instanceof NexusError ? error.code : undefined;
        // Somebody else was faster, or the thread was lost on the way: look again.
        if (attempt >= GET_OR_SPAWN_ATTEMPTS || (code !== 'NEXUS_ID_DUPLICATE' && code !== 'NEXUS_THREAD_LOST')) throw error;
      }
    }
  }

  #spawnOn(thread: number, kind: Kind, id: string, init: unknown, parent: AgentReference | undefined): AgentReference | Promise<AgentReference> {
    if (typeof id !== 'string' || id.length === 0) throw optionError('id', 'must be a string of 1 to 1,024 bytes of UTF-8');
    if (thread === this.#needs.thread) return this.#needs.spawnHere(kind, id, init, parent);
    this.#underway[thread] = (this.#underway[thread] as number) + 1;
    const done = (): void => {
      this.#underway[thread] = (this.#underway[thread] as number) - 1;
    };
    const spawned = this.#needs.spawnThere(thread, kind, id, init, parent);
    spawned.then(done, done);
    return spawned;
  }

  /** Makes the agent that is being spawned a child, unless its parent has ended or restarted meanwhile: then it ends too. */
  #adopt(parent: AgentCell, spawned: Promise<AgentReference>): Promise<AgentReference> {
    const extra = extraOf(parent);
    const { life } = extra;
    const adopted = spawned.then(async (child) => {
      if (parent.status >= Status.stopping || extra.life !== life) {
        await child.stop().catch((error: unknown) => this.#needs.logger.warn({ child: child.id, error }, 'a child did not end with its parent'));
      } else if (this.#needs.isLive(child)) {
        extra.children ??= new Map();
        extra.children.set(child.slot, child);
      }
    });
    extra.spawning ??= new Set();
    const { spawning } = extra;
    const settled: Promise<void> = adopted.then(
      () => void spawning.delete(settled),
      () => void spawning.delete(settled),
    );
    spawning.add(settled);
    return spawned;
  }

  #kindOf(definition: AnyAgent): Kind {
    if (typeof definition !== 'object' || definition === null || typeof definition.kind !== 'string') {
      throw new NexusTypeError('NEXUS_DEFINITION_INVALID', 'spawn takes a definition made by defineAgent as its first argument');
    }
    return this.#needs.kinds.byName(definition.kind);
  }

  #place(kind: Kind, choice: SpawnOptions['thread']): number {
    const { thread, shared } = this.#needs;
    if (choice === 'local') {
      if (kind.callingThreadOnly && thread !== 0) throw onlyOnCallingThread(kind, thread);
      return thread;
    }
    if (choice === 'auto') return kind.callingThreadOnly ? 0 : this.#leastLoaded();
    const number = choice as number;
    if (!Number.isInteger(number) || number < 0 || number >= shared.threadCount || !this.#needs.canReach(number)) {
      throw new NexusTypeError(
        'NEXUS_THREAD_UNKNOWN',
        `thread: ${String(choice)} is not a thread of this nexus; use 'auto', 'local' or a number from 0 to ${shared.threadCount - 1}`,
      );
    }
    if (kind.callingThreadOnly && number !== 0) throw onlyOnCallingThread(kind, number);
    return number;
  }

  #leastLoaded(): number {
    const { shared } = this.#needs;
    const loads: ThreadLoad[] = [];
    for (let thread = 1; thread < shared.threadCount; thread++) {
      const at = threadWord(shared, thread);
      if (Atomics.load(shared.words, at + L.THREAD_WORD_STATE) !== L.THREAD_STATE_READY) continue;
      loads.push({ thread, agents: (shared.words[at + L.THREAD_WORD_AGENT_COUNT] as number) + (this.#underway[thread] as number) });
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
    return `${kind.name}#${this.#needs.thread}.${this.#needs.incarnation}.${this.#named.toString(36)}`;
  }
}

function onlyOnCallingThread(kind: Kind, thread: number): NexusError {
  return new NexusError(
    'NEXUS_KIND_UNKNOWN',
    `kind '${kind.name}' was given to createNexus as a definition, not as a module, so thread ${thread} does not have its code: export it from a module in 'agents'`,
  );
}

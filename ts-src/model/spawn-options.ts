/** Options of `spawn`, `getOrSpawn` and `send`. */
import type { AgentDefinition, AnyAgent } from './agent-definition.js';
import type { GroupRouting } from './group.js';

/** Where an agent runs. `auto`: the worker with the fewest agents, or the calling thread if there is no worker. `local`: the thread that spawns. A number: that thread, 0 is the calling one. */
export type ThreadChoice = 'local' | 'auto' | number;

/** Which member of the cluster an agent starts on: one of these words, or the name of a node. */
export type NodeChoice = 'here' | 'ring' | 'auto' | (string & {});

/** Options of `spawn` and `getOrSpawn`. */
export interface SpawnOptions<I = unknown> {
  /** 1 to 1,024 bytes of UTF-8, unique among live agents. Default: a new one. */
  readonly id?: string;
  /**
   * Argument of the state factory, copied and kept for restarts. On a worker: at most 64 KiB encoded. On the calling thread the first start gets it by reference,
   * and what is not plain data (functions, instances of classes) is not copied.
   */
  readonly init?: I;
  /** Default `auto`. */
  readonly thread?: ThreadChoice;
  /**
   * In a cluster: the node that it starts on. `here` (the default of `spawn`), `ring`: the owner of its id (the default of `getOrSpawn`), `auto`: one member after the other, in proportion of their weights, or the
   * name of a member. An agent on the ring moves to the owner of its id when that becomes another one.
   */
  readonly node?: NodeChoice;
  /** Time the agent has to start, on whichever thread. One that has not by then does not stay: NEXUS_SPAWN_TIMEOUT. Default 30,000; at most 86,400,000. */
  readonly timeoutMs?: number;
}

/** `default`: `roundRobin`. */
export type Routing = 'default' | GroupRouting;

/** Options of `nexus.send` and `ctx.send`: how a member is chosen where the address is a group. */
export interface SendOptions {
  /** Which member of a group gets the message; an agent of that id gets it in any case. Default `default`. */
  readonly routing?: Routing;
  /** For `consistentHash`, which needs it. */
  readonly key?: string | number;
}

/** What the `state` factory of a definition takes. */
// biome-ignore lint/suspicious/noExplicitAny: types are taken apart here
export type InitOf<D extends AnyAgent> = D extends AgentDefinition<any, any, infer I, any> ? I : never;
/** `init` may be left out where the state factory takes none. `Without`: options that are arguments of their own. */
export type SpawnArguments<D extends AnyAgent, Without extends keyof SpawnOptions = never> =
  undefined extends InitOf<D>
    ? [options?: Omit<SpawnOptions<InitOf<D>>, Without>]
    : unknown extends InitOf<D>
      ? [options?: Omit<SpawnOptions<InitOf<D>>, Without>]
      : [options: Omit<SpawnOptions<InitOf<D>>, Without> & { readonly init: InitOf<D> }];

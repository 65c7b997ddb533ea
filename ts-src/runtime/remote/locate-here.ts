/** Agents of this nexus by their ids, for whoever looks for them: what the shared table says. */
import type { ThreadHost } from '../thread-host.js';

export interface LocatedHere {
  readonly kind: string;
  /** -1: it is about to come to one. */
  readonly thread: number;
}

export function locateHere(host: ThreadHost, ids: readonly string[]): readonly (LocatedHere | undefined)[] {
  return host.directory.findMany(ids, undefined).map((agent) => {
    const thread = agent === undefined ? -1 : host.engine.table.threadOf(agent.slot, agent.generation);
    return agent === undefined || thread < 0 ? undefined : { kind: agent.kind, thread };
  });
}

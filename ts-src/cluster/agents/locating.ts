/** Where agents are: of this node by its table, ids of the cluster by the registry, and ids that the runtime of another node has made up by that node, whose name they begin with. One message to each node that is asked. */
import type { AgentLocation } from '../../model/agent-location.js';
import { type NodeIdentity, sameNode } from '../../model/node-identity.js';
import type { Registry } from '../../ports/registry.js';
import { type LocatedHere, locateHere } from '../../runtime/remote/locate-here.js';
import type { ThreadHost } from '../../runtime/thread-host.js';

export interface LocatingNeeds {
  readonly host: ThreadHost;
  registry(): Registry | undefined;
  self(): NodeIdentity;
  /** A member of this name. */
  nodeNamed(name: string): NodeIdentity | undefined;
  ask(node: NodeIdentity, ids: readonly string[], timeoutMs: number): Promise<readonly (LocatedHere | undefined)[]>;
}

export class Locating {
  readonly #needs: LocatingNeeds;

  constructor(needs: LocatingNeeds) {
    this.#needs = needs;
  }

  async locate(ids: readonly string[], timeoutMs: number): Promise<readonly (AgentLocation | undefined)[]> {
    const { host, self } = this.#needs;
    const found: (AgentLocation | undefined)[] = locateHere(host, ids).map(
      (here, place) => here && { id: ids[place] as string, kind: here.kind, node: self(), isHere: true, thread: here.thread },
    );
    const absent = ids.flatMap((_id, place) => (found[place] === undefined ? [place] : []));
    if (absent.length === 0) return found;
    await Promise.all([this.#registered(ids, absent, timeoutMs, found), this.#ofNodes(ids, absent, timeoutMs, found)]);
    return found;
  }

  async #registered(ids: readonly string[], places: readonly number[], timeoutMs: number, found: (AgentLocation | undefined)[]): Promise<void> {
    const asked = places.filter((place) => this.#nodeIn(ids[place] as string) === undefined);
    const registry = this.#needs.registry();
    if (registry === undefined || asked.length === 0) return;
    const registrations = await registry.lookupMany(
      asked.map((place) => ids[place] as string),
      timeoutMs,
    );
    for (const [index, registration] of registrations.entries()) {
      if (registration === undefined) continue;
      const { id, kind, host: node } = registration;
      found[asked[index] as number] = { id, kind, node, isHere: sameNode(node, this.#needs.self()), thread: undefined };
    }
  }

  async #ofNodes(ids: readonly string[], places: readonly number[], timeoutMs: number, found: (AgentLocation | undefined)[]): Promise<void> {
    const byNode = new Map<NodeIdentity, number[]>();
    for (const place of places) {
      const node = this.#nodeIn(ids[place] as string);
      if (node !== undefined && !sameNode(node, this.#needs.self())) byNode.set(node, [...(byNode.get(node) ?? []), place]);
    }
    const asked = [...byNode].map(async ([node, of]) => {
      const there = await this.#needs.ask(
        node,
        of.map((place) => ids[place] as string),
        timeoutMs,
      );
      for (const [index, each] of there.entries()) {
        const place = of[index];
        // Which of its threads it is on is for that node to know.
        if (each !== undefined && place !== undefined) found[place] = { id: ids[place] as string, kind: each.kind, node, isHere: false, thread: undefined };
      }
    });
    await Promise.all(asked);
  }

  /** Ids that a runtime makes up begin with the name of its node. */
  #nodeIn(id: string): NodeIdentity | undefined {
    const end = id.indexOf('/');
    return end <= 0 || !id.includes('#', end) ? undefined : this.#needs.nodeNamed(id.slice(0, end));
  }
}

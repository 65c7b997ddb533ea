/** Where agents are: of this node by its table, ids of the cluster by the registry, and ids that the runtime of another node has made up by that node, whose name they begin with. One message to each node that is asked. */
import type { AgentLocation } from '../../model/agent-location.js';
import { generatedBy } from '../../runtime/remote/node-placing.js';
import { type NodeIdentity, nodeKey, sameNode } from '../../model/node-identity.js';
import type { Registration } from '../../model/registration.js';
import type { Registry } from '../../ports/registry.js';
import { type LocatedHere, locateHere } from '../../runtime/remote/locate-here.js';
import type { ThreadHost } from '../../runtime/thread-host.js';

/** A node that was heard to have an agent is asked for no longer whether it does. */
const CHECK_TIMEOUT_MS = 1000;

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
    const hearsay = new Set(asked.filter((place) => this.#isHearsay(registry, ids[place] as string)));
    const idsOf = (places: readonly number[]): readonly string[] => places.map((place) => ids[place] as string);
    const registrations = new Map<number, Registration>();
    const lookUp = async (places: readonly number[]): Promise<void> => {
      for (const [index, registration] of (await registry.lookupMany(idsOf(places), timeoutMs)).entries())
        if (registration !== undefined) registrations.set(places[index] as number, registration);
    };
    await lookUp(asked);
    const ended = await this.#ended(
      [...registrations].filter(([place]) => hearsay.has(place)).map(([, registration]) => registration),
      timeoutMs,
    );
    const again = [...registrations].filter(([, registration]) => ended.has(registration));
    for (const [place, { id, token }] of again) {
      registry.forget(id, token);
      registrations.delete(place);
    }
    if (again.length > 0) await lookUp(again.map(([place]) => place));
    // What its node does not have any more has ended, also where word of that has not come to the owner yet.
    for (const [place, { id, token }] of again) {
      const said = registrations.get(place);
      if (said === undefined || said.token > token) continue;
      registry.forget(id, token);
      registrations.delete(place);
    }
    for (const [place, { id, kind, host: node }] of registrations)
      found[place] = { id, kind, node, isHere: sameNode(node, this.#needs.self()), thread: undefined };
  }

  /** What was heard of the activations of others may be out of date; what the owner has written is not. */
  #isHearsay(registry: Registry, id: string): boolean {
    const { self } = this.#needs;
    const known = registry.cached(id);
    const owner = registry.ownerOf(id);
    return known !== undefined && !sameNode(known.host, self()) && !(owner !== undefined && sameNode(owner, self()));
  }

  /** Those that their nodes say they do not have. A node that does not answer in time has said nothing. */
  async #ended(registrations: readonly Registration[], timeoutMs: number): Promise<ReadonlySet<Registration>> {
    const byNode = new Map<string, Registration[]>();
    for (const registration of registrations) {
      const key = nodeKey(registration.host);
      const of = byNode.get(key);
      if (of === undefined) byNode.set(key, [registration]);
      else of.push(registration);
    }
    const ended = new Set<Registration>();
    const asked = [...byNode.values()].map(async (of) => {
      const node = (of[0] as Registration).host;
      const there = await this.#needs
        .ask(
          node,
          of.map(({ id }) => id),
          Math.min(timeoutMs, CHECK_TIMEOUT_MS),
        )
        .catch(() => undefined);
      of.forEach((registration, index) => {
        if (there !== undefined && there[index] == null) ended.add(registration);
      });
    });
    await Promise.all(asked);
    return ended;
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
    const name = generatedBy(id);
    return name === undefined ? undefined : this.#needs.nodeNamed(name);
  }
}

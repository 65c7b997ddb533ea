/** What a member knows that the next view should have otherwise: who wants to join or another weight, who has gone, who cannot be reached. Whether and when it becomes a view is decided elsewhere (`views.ts`, `agreement.ts`). */
import { type NodeIdentity, nodeKey, sameNode } from '../../model/node-identity.js';
import { type Departure, JOINS_MAX, type Joiner, MEMBERS_MAX, type View, type ViewChange, type ViewMember, type Weighing } from './view.js';

/** A joiner asks again and again; one that does not any more has gone. */
const JOINER_FRESH_MS = 5000;
/** Joiners that are remembered; more ask again. */
const JOINERS_MAX = MEMBERS_MAX;

export class WantedChanges {
  readonly #joiners = new Map<string, { readonly joiner: Joiner; readonly atMs: number }>();
  /** Members that have said that they go. */
  readonly #departing = new Map<string, Departure>();
  readonly #unreachable = new Map<string, NodeIdentity>();
  /** What members want to weigh: the last that each has said. */
  readonly #weighed = new Map<string, Weighing>();

  joins(nowMs: number, joiner: Joiner): void {
    const before = this.#joiners.get(joiner.name);
    if (before !== undefined && before.joiner.incarnation > joiner.incarnation) return;
    if (before === undefined && this.#joiners.size >= JOINERS_MAX) return;
    this.#joiners.set(joiner.name, { joiner, atMs: nowMs });
  }

  departs(departure: Departure): void {
    if (!this.#departing.has(nodeKey(departure))) this.#departing.set(nodeKey(departure), departure);
  }

  weighs({ name, incarnation, weight: present }: ViewMember, weight: number): void {
    const key = nodeKey({ name, incarnation });
    if (weight === present) this.#weighed.delete(key);
    else this.#weighed.set(key, { name, incarnation, weight });
  }

  isDeparting(node: NodeIdentity): boolean {
    return this.#departing.has(nodeKey(node));
  }

  reachable(node: NodeIdentity, isReachable: boolean): void {
    if (isReachable) this.#unreachable.delete(nodeKey(node));
    else this.#unreachable.set(nodeKey(node), node);
  }

  isUnreachable(node: NodeIdentity): boolean {
    return this.#unreachable.has(nodeKey(node));
  }

  get unreachable(): Iterable<NodeIdentity> {
    return this.#unreachable.values();
  }

  /** Whatever the view says of is settled. */
  installed({ members }: View): void {
    const present = new Map(members.map((member) => [member.name, member]));
    for (const [key, node] of [...this.#departing, ...this.#unreachable]) {
      const member = present.get(node.name);
      if (member !== undefined && sameNode(member, node)) continue;
      this.#departing.delete(key);
      this.#unreachable.delete(key);
    }
    for (const [key, weighing] of this.#weighed) {
      const member = present.get(weighing.name);
      if (member === undefined || !sameNode(member, weighing) || member.weight === weighing.weight) this.#weighed.delete(key);
    }
    for (const [name, { joiner }] of this.#joiners) if ((present.get(name)?.incarnation ?? 0) >= joiner.incarnation) this.#joiners.delete(name);
  }

  /** The change of this view; undefined for none. @param isRemovable of members that cannot be reached: whether they may be removed now */
  change(nowMs: number, view: View, isRemovable: (node: NodeIdentity) => boolean): ViewChange | undefined {
    if (this.#joiners.size + this.#departing.size + this.#unreachable.size + this.#weighed.size === 0) return undefined;
    const departed: Departure[] = [...this.#departing.values()];
    for (const [key, node] of this.#unreachable) {
      if (!this.#departing.has(key) && isRemovable(node)) departed.push({ name: node.name, incarnation: node.incarnation, reason: 'removed' });
    }
    const left = new Set(departed.map(({ name }) => name));
    const present = new Set(view.members.filter(({ name }) => !left.has(name)).map(({ name }) => name));
    const floor = departed.reduce((most, { incarnation }) => Math.max(most, incarnation), view.incarnationFloor);
    const joined: Joiner[] = [];
    for (const [name, { joiner, atMs }] of this.#joiners) {
      if (nowMs - atMs > JOINER_FRESH_MS) this.#joiners.delete(name);
      else if (!present.has(name) && joiner.incarnation > floor && joined.length < JOINS_MAX && present.size + joined.length < MEMBERS_MAX) joined.push(joiner);
    }
    // All go: the oldest goes last, and alone.
    const last = view.members[0] as NodeIdentity;
    const going = present.size + joined.length === 0 ? departed.filter((departure) => !sameNode(departure, last)) : departed;
    const gone = new Set(going.map(nodeKey));
    const weighed = [...this.#weighed.values()].filter((weighing) => !gone.has(nodeKey(weighing)));
    return going.length + joined.length + weighed.length === 0 ? undefined : { number: view.number + 1, departed: going, joined, weighed };
  }
}

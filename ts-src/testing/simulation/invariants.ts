/**
 * What must hold in a cluster at every moment, whatever goes wrong: told what each node learns, and who runs, it says what is violated. It knows all nodes at once, as no node does, and nothing of
 * how they agree. Used by every simulation of a cluster; pure.
 *
 * With a resolver that lets two sides both go on (`mayBothRun`) the sides are clusters of their own: what compares two nodes is then left out, what one node is told is checked as ever.
 */
import { type NodeIdentity, nodeKey } from '../../model/node-identity.js';
import type { MembershipEvent } from '../../protocols/membership/membership.js';
import type { ViewMember } from '../../protocols/views/view.js';

export type InvariantName =
  | 'incarnations never go back'
  | 'what was removed never comes back'
  | 'a view has one content'
  | 'views only grow'
  | 'a cluster is founded by all seeds'
  | 'views never begin again'
  | 'what was removed does not run'
  | 'only one side runs'
  | 'all members agree in the end'
  | 'everything comes to its end';

export interface Violation {
  /** One of these, or one of the user's. */
  readonly invariant: InvariantName | (string & {});
  readonly text: string;
}

/** Whether a start of a node may run its agents now, or does; false for one that has ended. */
export type Runs = (identity: NodeIdentity) => boolean;

type ViewEvent = Extract<MembershipEvent, { type: 'view' }>;

/** One start of a node. Its incarnation may still grow until it is a member. */
export interface Start {
  readonly self: NodeIdentity;
}

interface Observer {
  readonly start: Start;
  /** Whose key it is: the incarnation of a start that is no member yet may grow. */
  identity: NodeIdentity;
  key: string;
  /** How much had changed when this one was last seen to run and found in order; -1 when it was not seen to run. */
  inOrderAt: number;
  view: number;
  clusterId: string;
  /** Keys of the members of that view. */
  members: ReadonlySet<string>;
  readonly incarnations: Map<string, number>;
  /** By key: number of the view without it. */
  readonly gone: Map<string, number>;
}

/** What nodes of one cluster have been told. */
class Agreed {
  /** What a number of a view stands for, with who said so first. */
  readonly contents = new Map<number, { readonly content: string; readonly by: string }>();
  readonly incarnations = new Map<string, { incarnation: number; view: number }>();
  readonly gone = new Map<string, { readonly identity: NodeIdentity; readonly view: number; readonly byLease: boolean }>();
}

export class ClusterInvariants {
  readonly #mayBothRun: boolean;
  readonly #observers = new Map<Start, Observer>();
  /** By the founding: when nobody is left of a cluster another one is founded. */
  readonly #clusters = new Map<string, Agreed>();
  readonly #seeds: number;
  readonly #forgetful: ReadonlySet<string>;
  /** By name, the greatest number of a view that any start of the node has run in. */
  readonly #ranIn = new Map<string, number>();
  /** Views that nodes have been told of, and beginnings of running: until it grows, what has been in order is. */
  #changes = 0;

  /** @param options.seeds how many nodes found together; 0: that is not looked at @param options.forgetful names of nodes whose disks may lose what was on them */
  constructor(options: { readonly mayBothRun: boolean; readonly seeds?: number; readonly forgetful?: ReadonlySet<string> }) {
    this.#mayBothRun = options.mayBothRun;
    this.#seeds = options.seeds ?? 0;
    this.#forgetful = options.forgetful ?? new Set();
  }

  /** What a node has told its user. Undefined if all is well. */
  happened(start: Start, event: MembershipEvent, runs: Runs): Violation | undefined {
    const observer = this.#observerOf(start);
    switch (event.type) {
      case 'view':
        return this.#viewed(observer, event, runs) ?? this.#sides(observer, runs);
      case 'standing':
        if (event.standing !== 'member') return undefined;
        this.#runsIn(observer);
        return this.#sides(observer, runs);
      case 'reachability':
      case 'stalled':
      case 'described':
        return this.#heardOf(observer, event.node, event.type);
      case 'refusedMessage':
      case 'warning':
        return undefined;
    }
  }

  /**
   * A step of a node is over. To be told of every one: it looks only when this start did not run at its last step, or since then any node has been told a view or has begun to run. Between two such
   * moments nothing can go wrong that was right.
   */
  stepped(start: Start, isRunning: boolean, runs: Runs): Violation | undefined {
    if (this.#mayBothRun) return undefined;
    const observer = this.#observerOf(start);
    if (!isRunning) {
      observer.inOrderAt = -1;
      return undefined;
    }
    if (observer.inOrderAt === this.#changes) return undefined;
    if (observer.inOrderAt === -1) this.#changes++;
    const violation = this.#removed(observer) ?? this.#sides(observer, runs);
    if (violation === undefined) observer.inOrderAt = this.#changes;
    return violation;
  }

  /** Whether somebody runs who may not: to be asked as time passes, whether or not anything has happened. @param running all that run */
  passed(running: readonly Start[]): Violation | undefined {
    if (this.#mayBothRun) return undefined;
    for (const start of running) {
      const observer = this.#observerOf(start);
      const violation = this.#removed(observer) ?? this.#apart(observer, running);
      if (violation !== undefined) return violation;
    }
    return undefined;
  }

  /** Of one that runs. Whoever was taken into a cluster without ever learning it, and was removed, may be in the next one, when nobody is left of the first. */
  #removed(observer: Observer): Violation | undefined {
    const key = keyOf(observer);
    for (const [clusterId, { gone }] of this.#clusters)
      if ((observer.clusterId === '' || observer.clusterId === clusterId) && gone.get(key)?.byLease === true) return stillRuns(observer.identity, 'later');
    return undefined;
  }

  /** A start of a node has ended: nothing is learnt by it any more. */
  ended(start: Start): void {
    this.#observers.delete(start);
  }

  #observerOf(start: Start): Observer {
    const known = this.#observers.get(start);
    if (known !== undefined) return known;
    const identity = start.self;
    const observer: Observer = {
      start,
      identity,
      key: nodeKey(identity),
      inOrderAt: -1,
      view: 0,
      clusterId: '',
      members: new Set(),
      incarnations: new Map(),
      gone: new Map(),
    };
    this.#observers.set(start, observer);
    return observer;
  }

  #agreedOf(clusterId: string): Agreed {
    let agreed = this.#clusters.get(clusterId);
    if (agreed === undefined) {
      agreed = new Agreed();
      this.#clusters.set(clusterId, agreed);
    }
    return agreed;
  }

  #viewed(observer: Observer, event: ViewEvent, runs: Runs): Violation | undefined {
    this.#changes++;
    const by = nodeKey(observer.start.self);
    if (observer.clusterId !== '' && event.clusterId !== observer.clusterId)
      return { invariant: 'views only grow', text: `${by} is told view ${event.number} of cluster ${event.clusterId}, and was in ${observer.clusterId}` };
    observer.clusterId = event.clusterId;
    const founded = this.#clusters.has(event.clusterId) ? undefined : this.#founded(by, event);
    const agreed = this.#agreedOf(event.clusterId);
    if (founded !== undefined) return founded;
    if (event.number <= observer.view) return { invariant: 'views only grow', text: `${by} is told view ${event.number} after view ${observer.view}` };
    observer.view = event.number;
    if (runs(observer.start.self)) this.#runsIn(observer);
    observer.members = new Set(event.members.map(nodeKey));
    for (const member of event.members) {
      const violation = this.#present(observer, member, event.number, agreed);
      if (violation !== undefined) return violation;
    }
    for (const [identities, byLease] of [[event.left, false] as const, [event.removed, true] as const]) {
      for (const identity of identities) {
        observer.gone.set(nodeKey(identity), event.number);
        if (this.#mayBothRun) continue;
        if (!agreed.gone.has(nodeKey(identity))) agreed.gone.set(nodeKey(identity), { identity, view: event.number, byLease });
        if (byLease && runs(identity)) return stillRuns(identity, `when ${by} is told view ${event.number}`);
      }
    }
    return this.#mayBothRun ? undefined : sameContent(by, event, agreed);
  }

  /** The first view that anybody is told of a cluster. */
  #founded(by: string, { number, members }: ViewEvent): Violation | undefined {
    if (members.length < this.#seeds)
      return {
        invariant: 'a cluster is founded by all seeds',
        text: `${by} is told view ${number} of a new cluster, which has ${members.length} of ${this.#seeds} seeds`,
      };
    for (const { name } of members) {
      const ranIn = this.#ranIn.get(name) ?? 0;
      if (number <= ranIn && !this.#forgetful.has(name))
        return {
          invariant: 'views never begin again',
          text: `${by} is told view ${number} of a new cluster, and ${name}, which is in it, has run in view ${ranIn}`,
        };
    }
    return undefined;
  }

  #runsIn({ start, view }: Observer): void {
    const { name } = start.self;
    this.#ranIn.set(name, Math.max(view, this.#ranIn.get(name) ?? 0));
  }

  #present(observer: Observer, member: ViewMember, view: number, known: Agreed): Violation | undefined {
    const by = nodeKey(observer.start.self);
    const before = observer.incarnations.get(member.name) ?? -1;
    if (member.incarnation < before)
      return { invariant: 'incarnations never go back', text: `${by} is told ${nodeKey(member)} in view ${view}, and knew incarnation ${before} of it` };
    observer.incarnations.set(member.name, member.incarnation);
    const goneAt = observer.gone.get(nodeKey(member));
    if (goneAt !== undefined)
      return { invariant: 'what was removed never comes back', text: `${by} is told ${nodeKey(member)} in view ${view}, which had gone in view ${goneAt}` };
    if (this.#mayBothRun) return undefined;
    const anywhere = known.gone.get(nodeKey(member));
    if (anywhere !== undefined && anywhere.view <= view)
      return {
        invariant: 'what was removed never comes back',
        text: `${by} is told ${nodeKey(member)} in view ${view}, which had gone in view ${anywhere.view}`,
      };
    const agreed = known.incarnations.get(member.name);
    if (agreed !== undefined && view > agreed.view && member.incarnation < agreed.incarnation)
      return {
        invariant: 'incarnations never go back',
        text: `${by} is told ${nodeKey(member)} in view ${view}, when view ${agreed.view} had incarnation ${agreed.incarnation} of it`,
      };
    if (agreed === undefined || member.incarnation > agreed.incarnation) known.incarnations.set(member.name, { incarnation: member.incarnation, view });
    return undefined;
  }

  /** Of an incarnation that is gone nothing is told any more. */
  #heardOf(observer: Observer, node: NodeIdentity, what: string): Violation | undefined {
    const goneAt = observer.gone.get(nodeKey(node));
    if (goneAt === undefined || observer.view < goneAt) return undefined;
    return {
      invariant: 'what was removed never comes back',
      text: `${nodeKey(observer.start.self)} tells of ${nodeKey(node)} (${what}), which had gone in view ${goneAt}`,
    };
  }

  #sides(observer: Observer, runs: Runs): Violation | undefined {
    if (this.#mayBothRun || observer.view === 0 || !runs(observer.start.self)) return undefined;
    for (const other of this.#observers.values()) {
      const violation = other === observer || this.#areTogether(observer, other) || !runs(other.start.self) ? undefined : apart(observer, other);
      if (violation !== undefined) return violation;
    }
    return undefined;
  }

  /** The same among those that are known to run. */
  #apart(observer: Observer, running: readonly Start[]): Violation | undefined {
    for (const start of running) {
      const other = this.#observerOf(start);
      if (other !== observer && !this.#areTogether(observer, other)) return apart(observer, other);
    }
    return undefined;
  }

  /** Of two that run, the one with the older view is in the view of the other. Who has been told of no view has no side. */
  #areTogether(a: Observer, b: Observer): boolean {
    if (a.view === 0 || b.view === 0) return true;
    const [older, newer] = a.view <= b.view ? [a, b] : [b, a];
    const key = keyOf(older);
    // Who has gone by itself has said when.
    return newer.members.has(key) || this.#clusters.get(newer.clusterId)?.gone.get(key)?.byLease === false;
  }
}

function apart(a: Observer, b: Observer): Violation {
  const [older, newer] = a.view <= b.view ? [a, b] : [b, a];
  return {
    invariant: 'only one side runs',
    text: `${keyOf(older)} runs in view ${older.view} of ${older.clusterId} while ${keyOf(newer)} runs in view ${newer.view} of ${newer.clusterId}, which is [${[...newer.members].join(', ')}]`,
  };
}

function keyOf(observer: Observer): string {
  const { self } = observer.start;
  if (self !== observer.identity) {
    observer.identity = self;
    observer.key = nodeKey(self);
  }
  return observer.key;
}

function stillRuns(identity: NodeIdentity, when: string): Violation {
  return { invariant: 'what was removed does not run', text: `${nodeKey(identity)} may still run, ${when}` };
}

function sameContent(by: string, { number, members }: ViewEvent, { contents }: Agreed): Violation | undefined {
  const content = members
    .map((member) => `${nodeKey(member)} since ${member.sinceView} weighs ${member.weight}${member.status === 'up' ? '' : ` ${member.status}`}`)
    .sort()
    .join(', ');
  const known = contents.get(number);
  if (known === undefined) contents.set(number, { content, by });
  else if (known.content !== content)
    return { invariant: 'a view has one content', text: `view ${number} is [${content}] for ${by}, and [${known.content}] for ${known.by}` };
  return undefined;
}

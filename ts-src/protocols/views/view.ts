/** A view: the members that have been agreed on, under a number that only grows. Every member that knows a view of this number knows the same one. And what makes the next one of it. */
import type { MemberStatus } from '../../model/cluster-snapshot.js';
import { type NodeAddress, type NodeIdentity, sameNode } from '../../model/node-identity.js';

/** Members of one cluster: a view of so many with the longest names fits into a datagram. */
export const MEMBERS_MAX = 2048;
/** Nodes that join with one view; the others join with the next. */
export const JOINS_MAX = 256;
/** An incarnation that a node may join with: those that departed with a greater one would leave no room for others. */
export const INCARNATION_MAX = 2 ** 52;

/** By how much the incarnation of a joiner may exceed all that are known, some 139 years in milliseconds: when a node that is far ahead departs, the others could never start again. */
export const INCARNATION_LEAP_MAX = 2 ** 42;

/** The greatest number of a view that is believed when a node says that it has known it: fencing tokens have the number in their upper 29 bits, and what a damaged node says is to leave room for others. */
export const VIEW_NUMBER_KNOWN_MAX = 2 ** 28;

/** What a member can take compared to others, where nothing else is said. */
export const WEIGHT_DEFAULT = 1;
export const WEIGHT_MAX = 1000;
/** In one: weights are counted in whole numbers of these, so that all nodes have the same of them. */
export const WEIGHT_STEPS = 1000;

export interface ViewMember extends NodeIdentity {
  readonly address: NodeAddress;
  readonly status: MemberStatus;
  /** How much it takes of what is spread over the members, compared to the others: 0 to 1,000, in steps of a thousandth. One that drains has 0. */
  readonly weight: number;
  /** Number of the view that it came with: the lower, the older. */
  readonly sinceView: number;
}

export interface View {
  /** Drawn when the cluster was founded: two clusters of one name never take each other for the same. */
  readonly clusterId: string;
  readonly number: number;
  /** In order of their age, then of their names. */
  readonly members: readonly ViewMember[];
  /** The greatest incarnation of all that have departed: who joins has a greater one, so that none comes back, without a list of all that ever were. */
  readonly incarnationFloor: number;
}

/** A node that is to be a member. */
export interface Joiner extends NodeIdentity {
  readonly address: NodeAddress;
  readonly weight: number;
}

/** A member that is to have another weight. */
export interface Weighing extends NodeIdentity {
  readonly weight: number;
}

/** `left`: it said that it goes. `gone`: it was fenced, and says so itself. `removed`: its lease has run out. */
export type DepartureReason = 'left' | 'gone' | 'removed';

export interface Departure extends NodeIdentity {
  readonly reason: DepartureReason;
}

/** From the view before to the one of this number. */
export interface ViewChange {
  readonly number: number;
  readonly departed: readonly Departure[];
  readonly joined: readonly Joiner[];
  readonly weighed: readonly Weighing[];
}

/** The view that the change makes of its predecessor; undefined if it does not fit that. */
export function changedView(view: View, { number, departed, joined, weighed }: ViewChange): View | undefined {
  if (number !== view.number + 1) return undefined;
  const gone = new Map(departed.map((departure) => [departure.name, departure]));
  const staying = view.members.filter((member) => {
    const departure = gone.get(member.name);
    return departure === undefined || !sameNode(departure, member);
  });
  if (staying.length !== view.members.length - gone.size) return undefined;
  const weights = new Map(weighed.map((weighing) => [weighing.name, weighing]));
  const members = staying.map((member) => {
    const weighing = weights.get(member.name);
    if (weighing === undefined || !sameNode(weighing, member)) return member;
    weights.delete(member.name);
    return { ...member, weight: weighing.weight };
  });
  // Of a member that has gone, or never was one.
  if (weights.size > 0) return undefined;
  const incarnationFloor = departed.reduce((floor, { incarnation }) => Math.max(floor, incarnation), view.incarnationFloor);
  const names = new Set(members.map(({ name }) => name));
  for (const { name, incarnation } of joined) {
    if (names.has(name) || incarnation <= incarnationFloor) return undefined;
    names.add(name);
  }
  if (names.size > MEMBERS_MAX || names.size === 0) return undefined;
  const added = joined
    .map(({ name, incarnation, address, weight }): ViewMember => ({ name, incarnation, address, status: 'up', weight, sinceView: number }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return { clusterId: view.clusterId, number, members: [...members, ...added], incarnationFloor };
}

/**
 * Whether the later view can have come of the earlier one by changes. It cannot where both sides of a partition have gone on (`staticQuorum` with half of the voters or less): each side then has views of its own, under the same
 * numbers. That of the other side has members since before the earlier one which that does not know, or some that had departed from it.
 */
export function descendsFrom(earlier: View, later: View): boolean {
  const known = new Map(earlier.members.map((member) => [member.name, member]));
  const staying = new Set<string>();
  for (const member of later.members) {
    const before = known.get(member.name);
    const isSame = before !== undefined && sameNode(before, member);
    if (isSame) staying.add(member.name);
    // Who joined since then has an incarnation above all that had departed, and above the one that it follows.
    if (isSame ? before.sinceView !== member.sinceView : member.sinceView <= earlier.number || member.incarnation <= (before?.incarnation ?? 0)) return false;
    if (!isSame && member.incarnation <= earlier.incarnationFloor) return false;
  }
  const departed = earlier.members.filter(({ name }) => !staying.has(name));
  return later.incarnationFloor >= departed.reduce((floor, { incarnation }) => Math.max(floor, incarnation), earlier.incarnationFloor);
}

/** The first view of a cluster: of all who have promised to be in it. @param known the greatest number of a view that any of them has known */
export function foundingView(clusterId: string, known: number, founders: readonly Joiner[]): View {
  const number = Math.min(known, VIEW_NUMBER_KNOWN_MAX) + 1;
  const members = founders
    .map(({ name, incarnation, address, weight }): ViewMember => ({ name, incarnation, address, status: 'up', weight, sinceView: number }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return { clusterId, number, members, incarnationFloor: 0 };
}

/** The greatest incarnation that a node may join this view with. */
export function incarnationMost({ incarnationFloor, members }: { readonly incarnationFloor: number; readonly members: readonly NodeIdentity[] }): number {
  const known = members.reduce((greatest, { incarnation }) => Math.max(greatest, incarnation), incarnationFloor);
  return Math.min(INCARNATION_MAX, known + INCARNATION_LEAP_MAX);
}

/** Whether a member may have this weight. */
export function isWeight(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= WEIGHT_MAX && Math.round(value * WEIGHT_STEPS) / WEIGHT_STEPS === value;
}

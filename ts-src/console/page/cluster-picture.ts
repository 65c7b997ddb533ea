/**
 * What a cluster looks like: its sides, in which order its members are drawn, who does not reach whom, and the sentences that say the same. Pure; `panel-reachability.ts` draws it. As
 * far as the node knows whose console this is: of nodes it cannot hear itself it knows the last that it heard.
 */
import type { ClusterSnapshot, MemberSnapshot } from '../../model/cluster-snapshot.js';

/** Members that reach each other. */
export interface ClusterSide {
  readonly members: readonly MemberSnapshot[];
  readonly voters: number;
  readonly hasSelf: boolean;
  readonly hasCoordinator: boolean;
}

/** Columns from `from` to before `to` of a row: members that the one of the row does not reach. */
export interface UnreachedRun {
  readonly row: number;
  readonly from: number;
  readonly to: number;
}

export interface ClusterPicture {
  /** This node's first, then the larger ones first. */
  readonly sides: readonly ClusterSide[];
  /** Members side by side, in order of their names on each. */
  readonly order: readonly MemberSnapshot[];
  readonly unreached: readonly UnreachedRun[];
  /** Pairs of which one does not reach the other. */
  readonly unreachedPairs: number;
  /** Changes when anything of the picture does. */
  readonly key: string;
}

export function pictureOf({
  members,
  partitions,
  self,
  coordinator,
}: Pick<ClusterSnapshot, 'members' | 'partitions' | 'self' | 'coordinator'>): ClusterPicture {
  const byName = new Map(members.map((member) => [member.name, member]));
  const sideOf = (names: readonly string[]): ClusterSide => {
    const found = names.flatMap((name) => byName.get(name) ?? []).sort(byNameOrder);
    return {
      members: found,
      voters: found.filter(({ isVoter }) => isVoter).length,
      hasSelf: found.some(({ name }) => name === self.name),
      hasCoordinator: found.some(({ name }) => name === coordinator),
    };
  };
  const grouped = new Set(partitions.flat());
  const others = members.filter(({ name }) => !grouped.has(name)).map(({ name }) => name);
  const sides = [...partitions, others]
    .map(sideOf)
    .filter((side) => side.members.length > 0)
    .sort((a, b) => Number(b.hasSelf) - Number(a.hasSelf) || b.members.length - a.members.length);
  const order = sides.flatMap((side) => side.members);
  const unreached = order.flatMap((member, row) => runsOf(member, row, order));
  return {
    sides,
    order,
    unreached,
    unreachedPairs: unreached.reduce((sum, { from, to }) => sum + to - from, 0),
    key: JSON.stringify([order.map(({ name }) => name), sides.map((side) => side.members.length), unreached.map(({ row, from, to }) => [row, from, to])]),
  };
}

/** At most `linesMax` sentences, one for each member that somebody does not reach; the last says how many more there are. */
export function unreachedSentences(order: readonly MemberSnapshot[], linesMax: number, namesMax: number): readonly string[] {
  const unreachable = order.filter(({ unreachableFrom }) => unreachableFrom.length > 0);
  const sentences = unreachable.slice(0, linesMax).map(({ name, unreachableFrom }) => {
    const named = unreachableFrom.slice(0, namesMax).join(', ');
    const more = unreachableFrom.length - namesMax;
    return `${name} is not reached by ${named}${more > 0 ? ` and ${more} more` : ''}`;
  });
  const rest = unreachable.length - linesMax;
  return rest <= 0 ? sentences : [...sentences, `and ${rest} more ${rest === 1 ? 'member is' : 'members are'} not reached by all`];
}

/** Something that an operator should look at, most urgent first. Empty when all is well. */
export function clusterTroubles({
  standing,
  members,
  partitions,
  registry,
}: Pick<ClusterSnapshot, 'standing' | 'members' | 'partitions' | 'registry'>): readonly string[] {
  const count = (is: (member: MemberSnapshot) => boolean): number => members.filter(is).length;
  const unreachable = count(({ reachability }) => reachability === 'unreachable');
  const suspect = count(({ reachability }) => reachability === 'suspect');
  const stalled = count(({ stalledThreads }) => stalledThreads.length > 0);
  return [
    ...(standing === 'fenced' ? ['this node is fenced'] : []),
    ...(partitions.length > 1 ? [`${partitions.length} sides do not reach each other`] : []),
    ...(unreachable > 0 ? [`${unreachable} unreachable`] : []),
    ...(suspect > 0 ? [`${suspect} suspect`] : []),
    ...(stalled > 0 ? [`${stalled} with stalled threads`] : []),
    ...(registry !== undefined && registry.claiming > 0 ? [`${registry.claiming} partitions wait for reports`] : []),
  ];
}

/** Next to each other in one run, so that half a cluster of a hundred is a hundred runs and not five thousand cells. */
function runsOf({ name }: MemberSnapshot, row: number, order: readonly MemberSnapshot[]): UnreachedRun[] {
  const runs: { row: number; from: number; to: number }[] = [];
  for (const [column, { unreachableFrom }] of order.entries()) {
    if (!unreachableFrom.includes(name)) continue;
    const last = runs.at(-1);
    if (last?.to === column) last.to = column + 1;
    else runs.push({ row, from: column, to: column + 1 });
  }
  return runs;
}

function byNameOrder(a: MemberSnapshot, b: MemberSnapshot): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

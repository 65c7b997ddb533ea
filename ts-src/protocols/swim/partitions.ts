/** Who reaches whom, made of what one node knows: for people who look. Nothing decides by it. */
import type { Reachability } from '../../model/cluster-snapshot.js';

/** A member, as far as it matters here. */
export interface Accused {
  readonly name: string;
  readonly reachability: Reachability;
  /** Who says that it cannot be reached. */
  readonly unreachableFrom: readonly string[];
}

/**
 * Groups of members that reach each other, as far as this node knows, each in the order given. The first is of those that this node reaches, itself and the suspects among them. Those that it does not reach are
 * together unless one of them has said that it does not reach the other: nodes that have died look like a partition that nobody hears of.
 */
export function partitionsOf(members: readonly Accused[]): readonly (readonly string[])[] {
  const here = members.filter(({ reachability }) => reachability !== 'unreachable').map(({ name }) => name);
  const groups: Accused[][] = [];
  for (const member of members) {
    if (member.reachability !== 'unreachable') continue;
    const joined = groups.filter((group) => group.some((other) => !accuses(member, other)));
    const merged = [...joined.flat(), member];
    for (const group of joined) groups.splice(groups.indexOf(group), 1);
    groups.push(merged);
  }
  const places = new Map(members.map(({ name }, place) => [name, place]));
  const there = groups.map((group) => group.map(({ name }) => name).sort((a, b) => (places.get(a) as number) - (places.get(b) as number)));
  return here.length > 0 ? [here, ...there] : there;
}

function accuses(a: Accused, b: Accused): boolean {
  return a.unreachableFrom.includes(b.name) || b.unreachableFrom.includes(a.name);
}

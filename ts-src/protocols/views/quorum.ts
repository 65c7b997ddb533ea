/**
 * Who of a view decides about the next one, and how many of them are enough: a quorum system for each way to resolve a partition. Any two quorums of one system have a voter in common, but for
 * `staticQuorum` with half of the voters or less; that is all that the agreement and the leases rest on. Sets of voters are bit masks, in the order of the voters.
 */
import type { ResolverOptions } from '../../model/cluster-options.js';
import type { View, ViewMember } from './view.js';

/** Voters of one view: the oldest members. */
export const VOTERS_MAX = 9;

export interface QuorumSystem {
  /** The oldest first. */
  readonly voters: readonly ViewMember[];
  /** Whether so many voters, and these, may decide: true of every superset of a set of which it is true. */
  isQuorum(mask: number): boolean;
  /** Whether two quorums always have a voter in common. */
  readonly intersects: boolean;
}

export function quorumSystemOf(resolver: ResolverOptions, { members }: Pick<View, 'members'>): QuorumSystem {
  const voters = votersOf(resolver, members);
  const referee = resolver.strategy === 'keepReferee' ? voters.findIndex(({ name }) => name === resolver.referee) : -1;
  return {
    voters,
    isQuorum: quorumRule(resolver, voters.length, referee),
    intersects: resolver.strategy !== 'staticQuorum' || 2 * Math.min(resolver.quorum, voters.length) > voters.length,
  };
}

/** By number of voters, and place of the referee among them (-1: it is no member; the majority decides until it is). */
export function quorumRule(resolver: ResolverOptions, count: number, referee: number): (mask: number) => boolean {
  const all = 2 ** count - 1;
  const majority = (mask: number): boolean => 2 * ones(mask) > count || (2 * ones(mask) === count && (mask & 1) === 1);
  switch (resolver.strategy) {
    case 'keepMajority':
      return majority;
    case 'staticQuorum': {
      // While a cluster forms it has fewer: then all of them.
      const quorum = Math.min(resolver.quorum, count);
      return (mask) => ones(mask) >= quorum;
    }
    case 'keepOldest':
      // Of two, the younger one cannot know that the older one is alone.
      if (count <= 2) return (mask) => (mask & 1) === 1;
      return (mask) => ((mask & 1) === 1 && ones(mask) >= 2) || mask === all - 1;
    case 'keepReferee':
      return referee === -1 ? majority : (mask) => (mask & (1 << referee)) !== 0;
    case 'downAll':
      return (mask) => mask === all;
  }
}

/** The oldest members; the referee is one of them whatever its age. */
function votersOf(resolver: ResolverOptions, members: readonly ViewMember[]): readonly ViewMember[] {
  const voters = members.slice(0, VOTERS_MAX);
  const referee = resolver.strategy === 'keepReferee' ? members.find(({ name }) => name === resolver.referee) : undefined;
  if (referee !== undefined && !voters.includes(referee)) voters[VOTERS_MAX - 1] = referee;
  return voters;
}

function ones(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** What a membership knows, as values for whoever looks. */
import type { MemberSnapshot, NodeStanding } from '../../model/cluster-snapshot.js';
import { type NodeIdentity, sameNode } from '../../model/node-identity.js';
import type { PeerSnapshot, Swim } from '../swim/swim.js';
import type { ViewMember } from '../views/view.js';
import type { Views } from '../views/views.js';
import type { Descriptions } from './descriptions.js';
import type { MembershipConfiguration, MembershipSnapshot } from './membership.js';

export interface MembershipParts {
  readonly configuration: MembershipConfiguration;
  readonly self: NodeIdentity;
  readonly standing: NodeStanding;
  readonly fencedBecause: string | undefined;
  readonly leaseEndMs: number;
  readonly views: Views | undefined;
  readonly swim: Swim | undefined;
  readonly descriptions: Descriptions;
}

export function membershipSnapshot(nowMs: number, parts: MembershipParts): MembershipSnapshot {
  const { configuration, self, standing, views, swim } = parts;
  const peers = new Map(swim?.snapshot(nowMs).map((peer) => [peer.name, peer]));
  const voters = new Set(views?.voters.map(({ name }) => name));
  const members = views === undefined ? [ownBeforeFirstView(parts)] : views.view.members.map((member) => memberSnapshot(member, parts, peers, voters));
  return {
    cluster: configuration.cluster,
    self,
    standing,
    fencedBecause: parts.fencedBecause,
    view: views?.view.number ?? 0,
    coordinator: views?.coordinator?.name,
    resolver: configuration.resolver.strategy,
    // A node that is a quorum by itself has one that never ends.
    leaseMs: standing === 'member' ? Math.max(0, Math.min(configuration.timing.leaseMs, parts.leaseEndMs - nowMs)) : undefined,
    members: [...members].sort((a, b) => (a.name < b.name ? -1 : 1)),
    partitions: partitionsOf(members),
    localHealth: swim?.localHealth ?? 0,
    probes: [...peers.values()].map(({ name, roundTripMs, loss }) => ({ node: name, roundTripMs, loss })),
  };
}

function memberSnapshot(
  member: ViewMember,
  { self, standing, views, descriptions }: MembershipParts,
  peers: ReadonlyMap<string, PeerSnapshot>,
  voters: ReadonlySet<string>,
): MemberSnapshot {
  const isSelf = sameNode(member, self);
  const peer = peers.get(member.name);
  const isLeaving = (isSelf && standing === 'leaving') || views?.isDeparting(member) === true;
  return {
    ...member,
    status: isLeaving ? 'leaving' : member.status,
    reachability: isSelf ? 'reachable' : (peer?.reachability ?? 'reachable'),
    isVoter: voters.has(member.name),
    ...descriptionOf(isSelf ? descriptions.own : descriptions.of(member)),
    phi: peer?.phi,
    unreachableFrom: peer?.unreachableFrom ?? [],
  };
}

function ownBeforeFirstView({ configuration, self, descriptions }: MembershipParts): MemberSnapshot {
  const { address } = configuration;
  const state = {
    status: 'up',
    reachability: 'reachable',
    isVoter: false,
    weight: configuration.weight,
    sinceView: 0,
    phi: undefined,
    unreachableFrom: [],
  } as const;
  return { ...self, ...state, address, ...descriptionOf(descriptions.own) };
}

function descriptionOf(description: Descriptions['own'] | undefined): Pick<MemberSnapshot, 'dataAddress' | 'version' | 'metadata' | 'stalledThreads'> {
  return {
    dataAddress: description?.dataAddress,
    version: description?.version ?? '',
    metadata: description?.metadata ?? {},
    stalledThreads: description?.stalledThreads ?? [],
  };
}

/** Those that this node reaches, and those that it does not: of the latter it cannot know who reaches whom. */
function partitionsOf(members: readonly MemberSnapshot[]): readonly (readonly string[])[] {
  const names = (isReached: boolean): string[] =>
    members
      .filter(({ reachability }) => (reachability !== 'unreachable') === isReached)
      .map(({ name }) => name)
      .sort();
  return [names(true), names(false)].filter((group) => group.length > 0);
}

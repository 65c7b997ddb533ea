/** The cluster in `nexus top` and `nexus nodes`: a row for each member with what this node has measured on the way to it, and the standing of this node in words. Pure. */
import type { ClusterSnapshot, LinkSnapshot, MemberSnapshot } from '../../model/cluster-snapshot.js';
import type { RegistrySnapshot } from '../../model/registry-snapshot.js';
import { countText, durationText } from '../quantity-text.js';
import type { Style } from './styled-line.js';

/** A member, and the link to it; none to this node itself. */
export interface NodeRow {
  readonly member: MemberSnapshot;
  readonly link: LinkSnapshot | undefined;
  readonly isSelf: boolean;
  readonly isCoordinator: boolean;
  /** Of the ids, by the ring; undefined where that is not known. */
  readonly share: number | undefined;
}

/** Suspicion from which it is marked. */
const PHI_WARN = 3;
const PHI_BAD = 8;
const LOSS_WARN = 0.02;
const LOSS_BAD = 0.1;
const TROUBLES = ['reachable', 'suspect', 'unreachable'] as const;

/** In order of their names. */
export function nodeRows(cluster: ClusterSnapshot | undefined): readonly NodeRow[] {
  if (cluster === undefined) return [];
  const links = new Map(cluster.links.map((link) => [link.node, link]));
  return cluster.members.map((member) => ({
    member,
    link: links.get(member.name),
    isSelf: member.name === cluster.self.name,
    isCoordinator: member.name === cluster.coordinator,
    share: cluster.registry?.shares[member.name],
  }));
}

/** Such as `suspect, leaving`. */
export function nodeStateText({ member, isSelf }: NodeRow): string {
  return `${isSelf ? 'this node' : member.reachability}${member.status === 'leaving' ? ', leaving' : ''}`;
}

/** The more, the worse. */
export function nodeTrouble({ member }: NodeRow): number {
  return TROUBLES.indexOf(member.reachability) * 2 + Math.min(1, member.stalledThreads.length);
}

export function nodeStyle({ member, isSelf }: NodeRow): Style {
  return member.reachability === 'unreachable' ? 'bad' : member.reachability === 'suspect' ? 'warn' : isSelf ? 'strong' : 'good';
}

export function roleText({ member, isCoordinator }: NodeRow): string {
  return isCoordinator ? 'coordinator' : member.isVoter ? 'voter' : '-';
}

/** What is not known is undefined, or null where it was no number before it became JSON. */
export function phiText({ member: { phi } }: NodeRow): string {
  return typeof phi === 'number' ? phi.toFixed(1) : '-';
}

export function phiStyle({ member: { phi } }: NodeRow): Style {
  return typeof phi !== 'number' ? 'plain' : phi >= PHI_BAD ? 'bad' : phi >= PHI_WARN ? 'warn' : 'plain';
}

export function lossStyle({ link }: NodeRow): Style {
  const loss = link?.loss ?? 0;
  return loss >= LOSS_BAD ? 'bad' : loss >= LOSS_WARN ? 'warn' : 'plain';
}

export function standingStyle({ standing, partitions }: ClusterSnapshot): Style {
  return standing === 'fenced' ? 'bad' : standing !== 'member' || partitions.length > 1 ? 'warn' : 'good';
}

/** Such as `2 sides: 5 | 4`; undefined for one. */
export function sidesText({ partitions }: ClusterSnapshot): string | undefined {
  return partitions.length < 2 ? undefined : `${partitions.length} sides: ${partitions.map((names) => names.length).join(' | ')}`;
}

/** Everything about this node and its cluster, in parts. */
export function clusterFacts(cluster: ClusterSnapshot, isAscii: boolean): readonly string[] {
  const { standing, self, view, fencedBecause, members } = cluster;
  const unreachable = members.filter(({ reachability }) => reachability === 'unreachable').length;
  const sides = sidesText(cluster);
  return [
    standing === 'member'
      ? `${self.name} is a member of ${cluster.cluster}`
      : `${self.name} of ${cluster.cluster} is ${standing}${fencedBecause === undefined ? '' : `: ${fencedBecause}`}`,
    `view ${view}`,
    ...(unreachable === 0 ? [] : [`${unreachable} unreachable`]),
    ...(sides === undefined ? [] : [sides]),
    ...quieterFacts(cluster, isAscii),
  ];
}

/** What the header of `nexus top` has no room for. */
export function quieterFacts({ coordinator, resolver, leaseMs, localHealth, registry }: ClusterSnapshot, isAscii: boolean): readonly string[] {
  return [
    `coordinator ${coordinator ?? 'not known'}`,
    resolver,
    ...(leaseMs === undefined ? [] : [`lease ${durationText(Math.max(0, leaseMs), isAscii)}`]),
    ...(localHealth === 0 ? [] : [`local health ${localHealth} of 8`]),
    ...(registry === undefined ? [] : registryFacts(registry)),
  ];
}

/** What this node has to do with the ids of the cluster. */
function registryFacts({ activations, registered, claiming, waitingFor }: RegistrySnapshot): readonly string[] {
  const waits = claiming === 0 ? [] : [`${claiming} partitions wait for reports of ${waitingFor.length === 0 ? 'others' : waitingFor.slice(0, 3).join(' ')}`];
  return [`runs ${countText(activations)} ids, owns ${countText(registered)}`, ...waits];
}

/** What the calling thread and the membership thread of a node say to each other. */
import type { SharedWebAssemblyMemory } from '../../bindings/web-assembly-memory.js';
import type { Logger } from '../model/agent-context.js';
import type { NodeAddress, NodeIdentity } from '../model/node-identity.js';
import type { MembershipEvent, MembershipSnapshot } from '../protocols/membership/membership.js';
import type { OwnDescription } from './cluster-surroundings.js';
import type { ResolvedCluster } from './resolve-cluster-options.js';

export interface MembershipBoot {
  readonly options: ResolvedCluster;
  readonly memory: SharedWebAssemblyMemory;
}

export type MembershipCommand =
  | { readonly type: 'describe'; readonly own: OwnDescription }
  | { readonly type: 'leave' }
  | { readonly type: 'weigh'; readonly weight: number }
  | { readonly type: 'close' };

/** What is known with each piece of news: what happened can be found in it. */
export interface MembershipKnown {
  readonly self: NodeIdentity;
  readonly address: NodeAddress;
  readonly snapshot: MembershipSnapshot;
}

export type MembershipNews =
  | { readonly type: 'opened'; readonly known: MembershipKnown }
  /** It could not start. */
  | {
      readonly type: 'refused';
      readonly code: string | undefined;
      readonly message: string;
      readonly data: Readonly<Record<string, unknown>> | undefined;
    }
  /** In their order; none when it is only time to say what is known. */
  | { readonly type: 'happened'; readonly events: readonly MembershipEvent[]; readonly known: MembershipKnown }
  | { readonly type: 'log'; readonly level: keyof Logger; readonly data: Readonly<Record<string, unknown>>; readonly message: string }
  | { readonly type: 'closed' };

/** What all nodes of a cluster need to have the same, because the proof that a removed node does not run rests on it: as a text that is compared, and shown where it differs. */
import type { Settings } from '../views/view-messages.js';
import type { MembershipConfiguration } from './membership.js';

export function settingsText({ timing, resolver }: Pick<MembershipConfiguration, 'timing' | 'resolver'>): Settings {
  const detail = resolver.strategy === 'staticQuorum' ? `(${resolver.quorum})` : resolver.strategy === 'keepReferee' ? `(${resolver.referee})` : '';
  return `leaseMs ${timing.leaseMs}, stopMarginMs ${timing.stopMarginMs}, resolver ${resolver.strategy}${detail}`;
}

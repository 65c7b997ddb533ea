/** `nexus.locate` and `nexus.locateMany`: where agents are, in a cluster or without one. */
import { optionError, valueText } from '../../errors.js';
import type { AgentLocation } from '../../model/agent-location.js';
import { checkNames } from '../../model/nearest-name.js';
import type { ThreadHost } from '../thread-host.js';
import { locateHere } from './locate-here.js';

/** Options of `locate` and `locateMany`. */
export interface LocateOptions {
  /** Time that other nodes have to answer. Default 5,000; at most 86,400,000. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 5000;
const TIMEOUT_MS_MAX = 86_400_000;

/** Rejects with NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN, and what other nodes fail with. */
export async function locateAgents(host: ThreadHost, ids: readonly string[], options: LocateOptions = {}): Promise<readonly (AgentLocation | undefined)[]> {
  checkNames('locate', options, ['timeoutMs']);
  const { timeoutMs = TIMEOUT_MS } = options;
  if (!(typeof timeoutMs === 'number' && timeoutMs > 0 && timeoutMs <= TIMEOUT_MS_MAX))
    throw optionError('timeoutMs', `is ${valueText(timeoutMs)}; it must be more than 0, at most 86,400,000`);
  if (host.remote !== undefined) return host.remote.locate(ids, timeoutMs);
  return locateHere(host, ids).map((here, place) => here && { id: ids[place] as string, ...here, node: undefined, isHere: true });
}

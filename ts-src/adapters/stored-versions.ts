/**
 * What a store knows of the writes of an agent, and which it refuses: the same rule for every store here, over values. Each store keeps the record where it keeps the rest, and asks
 * within the transaction of the write (Kleppmann 2016: the store checks the token, because nobody else can).
 */
import { NexusError, quoted } from '../errors.js';
import type { StateVersion, StorageWrite, StoredVersion } from '../ports/storage.js';

/** Of an agent with which nothing was ever written that has a version. */
export const UNVERSIONED: StoredVersion = { token: 0, revision: 0, seenToken: 0, deletedEpochMs: undefined };

/** What of a write its version depends on. */
export interface VersionChange {
  readonly type: StorageWrite['type'];
  readonly version: StateVersion | undefined;
  readonly token: number | undefined;
  readonly epochMs: number | undefined;
}

export function changeOf(write: StorageWrite): VersionChange {
  return {
    type: write.type,
    version: write.type === 'fence' ? undefined : write.version,
    token: write.type === 'fence' ? write.token : undefined,
    epochMs: write.type === 'delete' ? (write.epochMs ?? 0) : undefined,
  };
}

export function namesOf(write: StorageWrite): { readonly kind: string; readonly id: string } {
  return write.type === 'setReminder' ? write.reminder : write;
}

/** Whether a later activation, or a later write of the same one, has been seen. */
export function isStale(known: StoredVersion | undefined, { type, version, token }: VersionChange): boolean {
  if (known === undefined || type === 'drop') return false;
  if (type === 'fence') return (token ?? 0) < known.seenToken;
  return version !== undefined && (version.token < known.seenToken || (version.token === known.token && version.revision < known.revision));
}

/** What is known after a write that was not refused; undefined: there is nothing to be kept. Not for `drop`. */
export function versionAfter(known: StoredVersion | undefined, { type, version, token, epochMs }: VersionChange): StoredVersion | undefined {
  if (type === 'fence') return { ...(known ?? UNVERSIONED), seenToken: token ?? 0 };
  if (version === undefined && known === undefined) return undefined;
  const { token: lastToken, revision: lastRevision, seenToken, deletedEpochMs } = known ?? UNVERSIONED;
  const isThere = type === 'snapshot' || type === 'event';
  return {
    token: version?.token ?? lastToken,
    revision: version?.revision ?? lastRevision + 1,
    seenToken: Math.max(seenToken, version?.token ?? 0),
    deletedEpochMs: type === 'delete' ? epochMs : isThere ? undefined : deletedEpochMs,
  };
}

/** Whether an agent is to be dropped. */
export function isOf(known: StoredVersion | undefined, version: StateVersion | undefined): boolean {
  const { token, revision } = known ?? UNVERSIONED;
  return token === version?.token && revision === version.revision;
}

export function tokenStale(kind: string, id: string, token: number, seenToken: number): NexusError {
  return new NexusError(
    'NEXUS_TOKEN_STALE',
    `${kind} ${quoted(id)} was not stored: its activation has the token ${token}, and ${token === seenToken ? 'a later write of it' : `a later one with ${seenToken}`} is stored already`,
    { data: { kind, id, token, seenToken } },
  );
}

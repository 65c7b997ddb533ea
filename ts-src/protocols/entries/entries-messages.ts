/** What nodes tell each other of their entries: values on the wire, read with the suspicion that everything from another node deserves. Who sends what, and when, is `told-entries.ts` and `heard-entries.ts`. */

/** Undefined: the entry is gone. */
export type ToldChange = readonly [key: string, value: unknown];

/**
 * From a writer to a reader: what has changed in its versions `since` (exclusive) to `upTo`, each key once, as it was when this was sent. A key that has changed again after `upTo` comes later.
 */
export interface EntriesPart {
  readonly type: 'part';
  /** Grows when the writer begins anew for this reader: everything is told again, from version 0. */
  readonly run: number;
  readonly since: number;
  readonly upTo: number;
  /** The writer's own version when it sent this. */
  readonly latest: number;
  readonly changes: readonly ToldChange[];
}

/** From a reader to a writer: how far it has come. */
export interface EntriesHave {
  readonly type: 'have';
  readonly run: number;
  readonly version: number;
  /** Something is missing behind it, which is to be sent again. */
  readonly isGap: boolean;
}

export type EntriesMessage = EntriesPart | EntriesHave;

/** Entries of one node, those that are gone and not forgotten yet included. */
export const ENTRIES_MAX = 200_000;
/** Of one message: changes, and bytes of their keys and values as the writer counts them. */
export const PART_CHANGES_MAX = 1024;
export const PART_BYTES_MAX = 49_152;
/** Of one entry, as the writer counts them. */
export const ENTRY_BYTES_MAX = 8192;
export const KEY_LENGTH_MAX = 2048;

/** What another node sent, if it can be such a message; undefined otherwise. */
export function entriesMessageOf(value: unknown): EntriesMessage | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const message = value as Partial<Record<keyof EntriesPart | keyof EntriesHave, unknown>>;
  if (!isVersion(message.run)) return undefined;
  if (message.type === 'have') return isVersion(message.version) && typeof message.isGap === 'boolean' ? (value as EntriesHave) : undefined;
  if (message.type !== 'part' || !isVersion(message.since) || !isVersion(message.upTo) || !isVersion(message.latest)) return undefined;
  if (message.since > message.upTo || message.upTo > message.latest || !Array.isArray(message.changes)) return undefined;
  if (message.changes.length > Math.min(PART_CHANGES_MAX, message.upTo - message.since)) return undefined;
  const areChanges = message.changes.every((each: unknown) => Array.isArray(each) && typeof each[0] === 'string' && each[0].length <= KEY_LENGTH_MAX);
  return areChanges ? (value as EntriesPart) : undefined;
}

function isVersion(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

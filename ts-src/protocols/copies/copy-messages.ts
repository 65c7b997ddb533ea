/** What nodes say to each other about durable state, on the channel `copies`. Values; a field may be added, and whoever does not know it goes on without. */
import type { StateVersion, StorageWrite } from '../../ports/storage.js';

/** What one agent's writes are to a copy. `live`: of its activation, in their order. `given`: all that a node has stored of it, for one that has less. */
export interface CopyItem {
  readonly kind: string;
  readonly id: string;
  readonly mode: 'live' | 'given';
  readonly writes: readonly StorageWrite[];
}

/** Why an item was not stored; undefined: it was. */
export type CopyResult = undefined | { readonly code: string; readonly message: string; readonly data: Readonly<Record<string, unknown>> | undefined };

/**
 * Items in order. Frames of a stream count from 1; the receiver stores them in that order, each once. One of an older view than the receiver's is as if it had been lost: the sender does not know yet who holds what, and what
 * the receiver has told others that it has given them is to stay true. It is sent again with the next view of the sender.
 */
export interface CopyFrame {
  readonly type: 'frame';
  readonly number: number;
  readonly view: number;
  readonly items: readonly CopyItem[];
}

/** All items of a frame are on disk, but for those with a result that says why not. */
export interface CopiedFrame {
  readonly type: 'copied';
  readonly number: number;
  readonly results: readonly CopyResult[];
}

/** Version of what a node has of an agent. Token and revision 0: of a time before there were tokens. */
export interface Holding extends StateVersion {
  readonly kind: string;
  readonly id: string;
}

/** Questions, which are asked again until they are answered. */
export type CopyCall =
  /** For agents that are about to start. Answered by who knows that view, or a later one. */
  | { readonly type: 'fetch'; readonly view: number; readonly wanted: readonly Holding[] }
  /** Which of these does the other one have in a lower version, or not at all? */
  | { readonly type: 'offer'; readonly offered: readonly Holding[] }
  /** The sender has given all that it has in the partitions that the receiver holds in this view, and will give what is written from now on. */
  | { readonly type: 'settled'; readonly view: number };

export type CopyAnswer =
  /** For each: whether the answering node has all there is of it, and its writes where they are newer than what was asked with. */
  | {
      readonly type: 'fetched';
      readonly found: readonly {
        readonly isSynchronised: boolean;
        readonly version: StateVersion | undefined;
        readonly writes: readonly StorageWrite[] | undefined;
      }[];
    }
  /** By their index. */
  | { readonly type: 'wants'; readonly indices: readonly number[] }
  | { readonly type: 'heard' };

export type CopyMessage =
  | CopyFrame
  | CopiedFrame
  | { readonly type: 'call'; readonly number: number; readonly call: CopyCall }
  | { readonly type: 'answer'; readonly number: number; readonly answer: CopyAnswer };

/** Whether one version is of a later write than another. */
export function isNewer(one: StateVersion, other: StateVersion): boolean {
  return one.token > other.token || (one.token === other.token && one.revision > other.revision);
}

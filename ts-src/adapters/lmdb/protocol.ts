/** What the threads of a store and its writer say to each other. */
import type { MessagePort } from 'node:worker_threads';

/** What a thread needs to open the store. */
export interface LmdbAttachment {
  readonly path: string;
  /** To the writer. */
  readonly port: MessagePort;
  /** One Int32 that the writer raises after each commit: a thread that sees it unchanged need not look for a newer snapshot. */
  readonly commits: SharedArrayBuffer;
}

export interface WriterBoot {
  readonly path: string;
  /** Of the store as it was opened. */
  readonly format: number;
  readonly commits: SharedArrayBuffer;
}

/** From the thread that opened the store to the writer. */
export type WriterCommand = { readonly type: 'connect'; readonly port: MessagePort } | { readonly type: 'close' };

/** From the writer to the thread that opened the store. */
export type WriterReport = { readonly type: 'ready' } | { readonly type: 'closed' };

/** A batch of a thread. Numbers count up from 1; the epoch is how many failures the thread had heard of when it sent the batch. */
export interface BatchMessage {
  readonly number: number;
  readonly epoch: number;
  readonly operations: number;
  readonly bytes: ArrayBuffer;
}

/** To a thread: batches up to this number are done; those from `failedFrom` on failed. A batch of a later activation's agent is answered by itself, before those around it. */
export interface BatchAnswer {
  readonly through: number;
  readonly stale?: { readonly number: number; readonly kind: string; readonly id: string; readonly token: number; readonly seenToken: number };
  readonly failure: { readonly from: number; readonly epoch: number; readonly full: boolean; readonly message: string } | undefined;
}

/**
 * Snapshots from `/console/live` for as long as somebody looks: the stream is opened again after it was lost, each time after a longer wait. What was there at the beginning and is no more
 * is waited for; what was not there at the beginning is a mistake of the caller, and ends the feed.
 */
import type { ConsoleSnapshot } from '../../console/protocol.js';
import type { CommandFailure } from '../command-failure.js';
import type { ConsoleAddress } from '../console-address.js';
import { readSnapshot } from '../console-client.js';
import { type ConsoleStream, openConsoleStream } from '../console-stream.js';

const FIRST_DELAY_MS = 250;
const DELAY_MAX_MS = 10_000;
const SILENCE_MAX_MS = 10_000;

export interface FeedListener {
  /** Somebody who speaks as a console is there. */
  opened(): void;
  snapshot(snapshot: ConsoleSnapshot): void;
  /** It was lost; the next attempt, the `attempt`-th, is about to be waited for. */
  lost(reason: string, attempt: number): void;
  /** The connection is there, and the service could not take this snapshot; the next one may come. */
  unavailable(reason: string): void;
  /** There is nothing to wait for. Nothing follows. */
  failed(reason: CommandFailure): void;
}

/** How long to wait before an attempt, counted from 1. */
export function reconnectDelayMs(attempt: number): number {
  return Math.min(DELAY_MAX_MS, FIRST_DELAY_MS * 2 ** Math.min(30, attempt - 1));
}

export class SnapshotFeed {
  readonly #address: ConsoleAddress;
  readonly #intervalMs: number;
  readonly #listener: FeedListener;
  #stream: ConsoleStream | undefined;
  #wait: NodeJS.Timeout | undefined;
  #hasShown = false;
  #attempt = 0;

  constructor(address: ConsoleAddress, intervalMs: number, listener: FeedListener) {
    this.#address = address;
    this.#intervalMs = intervalMs;
    this.#listener = listener;
    this.#open();
  }

  close(): void {
    clearTimeout(this.#wait);
    this.#stream?.close();
  }

  #open(): void {
    this.#stream = openConsoleStream(this.#address, `/console/live?intervalMs=${this.#intervalMs}`, Math.max(SILENCE_MAX_MS, 3 * this.#intervalMs), {
      opened: () => this.#listener.opened(),
      received: (message) => this.#received(message),
      ended: (reason) => this.#ended(reason),
    });
  }

  #received(message: Readonly<Record<string, unknown>>): void {
    // What else there is, such as the greeting, is not about what is shown.
    if (message['type'] === 'unavailable') this.#listener.unavailable(String(message['message']));
    if (message['type'] !== 'snapshot') return;
    let snapshot: ConsoleSnapshot;
    try {
      snapshot = readSnapshot(message['snapshot']);
    } catch (error) {
      this.close();
      this.#listener.failed(error as CommandFailure);
      return;
    }
    this.#hasShown = true;
    this.#attempt = 0;
    this.#listener.snapshot(snapshot);
  }

  #ended(reason: CommandFailure): void {
    if (!this.#hasShown) return this.#listener.failed(reason);
    this.#attempt++;
    this.#listener.lost(reason.message, this.#attempt);
    this.#wait = setTimeout(() => this.#open(), reconnectDelayMs(this.#attempt));
  }
}

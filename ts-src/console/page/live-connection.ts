/**
 * The WebSocket that brings the snapshots: opened again, ever more slowly, when it breaks, and at once when the network or the page comes back. One that is open but
 * silent for too long counts as broken.
 */
import type { LiveMessage } from '../protocol.js';

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 15_000;
const INTERVAL_MS = 1000;
/** Longer than any snapshot may take. */
const SILENCE_MS = 20_000;

export type ConnectionState = { readonly type: 'connecting' } | { readonly type: 'open' } | { readonly type: 'waiting'; readonly untilMs: number };

export interface LiveListener {
  state(state: ConnectionState): void;
  message(message: LiveMessage): void;
}

export class LiveConnection {
  readonly #listener: LiveListener;
  #socket: WebSocket | undefined;
  #attempts = 0;
  #retry: number | undefined;
  #silence: number | undefined;

  constructor(listener: LiveListener) {
    this.#listener = listener;
    addEventListener('online', () => this.retryNow());
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.retryNow();
    });
  }

  open(): void {
    this.#listener.state({ type: 'connecting' });
    const socket = new WebSocket(socketUrl(`console/live?intervalMs=${INTERVAL_MS}`));
    this.#socket = socket;
    this.#listenForSilence(socket);
    socket.addEventListener('message', ({ data }) => {
      if (socket !== this.#socket) return;
      this.#listenForSilence(socket);
      const message = JSON.parse(String(data)) as LiveMessage;
      if (message.type === 'hello') {
        this.#attempts = 0;
        this.#listener.state({ type: 'open' });
      }
      this.#listener.message(message);
    });
    socket.addEventListener('close', () => {
      if (socket === this.#socket) this.#wait();
    });
  }

  /** If it waits for its next attempt. */
  retryNow(): void {
    if (this.#retry === undefined) return;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.open();
  }

  #listenForSilence(socket: WebSocket): void {
    clearTimeout(this.#silence);
    this.#silence = window.setTimeout(() => {
      socket.close();
      if (socket === this.#socket) this.#wait();
    }, SILENCE_MS);
  }

  #wait(): void {
    this.#socket = undefined;
    clearTimeout(this.#silence);
    const longest = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#attempts++);
    // Spread out, so that many pages do not come back in the same moment.
    const delayMs = longest * (0.5 + Math.random() / 2);
    this.#listener.state({ type: 'waiting', untilMs: Date.now() + delayMs });
    this.#retry = window.setTimeout(() => {
      this.#retry = undefined;
      this.open();
    }, delayMs);
  }
}

/** Relative to the page, so that it is right below a prefix and behind TLS too. */
export function socketUrl(path: string): string {
  const url = new URL(path, document.baseURI);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.hash = '';
  return url.href;
}

/** The state of the connection in words, beside its dot, in the banner and, when it changes, for screen readers: not with every second that passes. */
import { byId, setAttribute, setHidden, setText } from './dom.js';
import { duration, timeOfDay } from './format.js';
import type { ConnectionState } from './live-connection.js';

const TICK_MS = 1000;
/** Without a snapshot for so many intervals the values are old, connection or not. */
const STALE_MS = 5000;

export class ConnectionStateView {
  readonly #dot = byId('connection');
  readonly #text = byId('connection-text');
  readonly #banner = byId('banner');
  readonly #announcement = byId('announcement');
  #state: ConnectionState = { type: 'connecting' };
  #isPaused = false;
  #updatedMs: number | undefined;
  #fault: string | undefined;
  #announced = '';

  constructor() {
    setInterval(() => this.#show(), TICK_MS);
  }

  state(state: ConnectionState): void {
    // An attempt is no news while it was disconnected before.
    if (state.type === 'connecting' && this.#state.type === 'waiting') return;
    this.#state = state;
    if (state.type === 'open') this.#fault = undefined;
    this.#show();
  }

  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#show();
  }

  updated(): void {
    this.#updatedMs = Date.now();
    this.#fault = undefined;
    this.#show();
  }

  unavailable(message: string): void {
    this.#fault = message;
    this.#show();
  }

  #show(): void {
    const nowMs = Date.now();
    const ago = this.#updatedMs === undefined ? undefined : nowMs - this.#updatedMs;
    const last = this.#updatedMs === undefined || ago === undefined ? 'no update yet' : `last update ${timeOfDay(this.#updatedMs)}, ${duration(ago)} ago`;
    const name = this.#name(ago);
    let banner = '';
    if (this.#state.type === 'waiting') {
      const inMs = this.#state.untilMs - nowMs;
      banner = `Disconnected, ${last}. ${inMs > 500 ? `Trying again in ${duration(inMs)}.` : 'Trying again …'}`;
    } else if (this.#fault !== undefined) banner = `No snapshot could be taken: ${this.#fault} (${last})`;
    else if (name === 'stale') banner = `Nothing has come for a while: ${last}.`;
    else if (name === 'paused') banner = `Updates are paused: ${last}.`;
    setAttribute(this.#dot, 'data-state', name);
    setText(this.#text, name);
    setText(this.#banner, banner);
    setAttribute(this.#banner, 'data-state', name);
    setHidden(this.#banner, banner === '');
    if (this.#announced === name) return;
    // The first time it is what everybody expects.
    if (this.#announced !== '' && !(this.#announced === 'connecting' && name === 'live')) setText(this.#announcement, ANNOUNCEMENTS[name]);
    this.#announced = name;
  }

  #name(ago: number | undefined): keyof typeof ANNOUNCEMENTS {
    if (this.#state.type === 'waiting') return 'disconnected';
    if (this.#state.type === 'connecting') return 'connecting';
    if (this.#isPaused) return 'paused';
    return (ago !== undefined && ago > STALE_MS) || this.#fault !== undefined ? 'stale' : 'live';
  }
}

const ANNOUNCEMENTS = {
  connecting: 'Connecting',
  live: 'Connected, values are live',
  paused: 'Updates are paused',
  stale: 'No updates are coming',
  disconnected: 'Disconnected: the values are old',
} as const;

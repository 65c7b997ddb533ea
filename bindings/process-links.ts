/**
 * Shared memory with other processes of the machine, by the native addon (`native/napi/link_hub.cc`): the edge between its numbers and objects. All links of one object are served by the event loop
 * of the thread that has opened it. Where it cannot be had, the reason is the result.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import * as L from '../layout/generated/layout.js';
import type { ProcessLink, ProcessLinkEvents, ProcessLinks } from '../ts-src/ports/process-links.js';
import { loadNativeAddon, type NativeAddon } from './native-addon.js';

/** Of each of the three rings of each direction. Pages of it are taken when they are first used. */
const RING_BYTES = L.LINK_RING_BYTES_MIN;
/** As in `link_hub.hpp`. */
const BUFFER_BYTES = 524_288;
const FRAMES_MAX = 2048;
/** Of the table, before what it says of frames: event, endpoint, and two numbers. */
const EVENT_WORDS = 4;
const EVENT_ACCEPTED = 0;
const EVENT_MESSAGE = 1;
const EVENT_FRAMES = 2;
const EVENT_ROOM = 3;
const EVENT_LANE_ENDED = 4;
const EVENT_CLOSED = 5;
const EPROTO = 71;
const ECANCELED = 125;

export type OpenedProcessLinks = { readonly links: ProcessLinks; readonly reason?: undefined } | { readonly links?: undefined; readonly reason: string };

/** @param spinMicroseconds how long a side that had frames lately looks for more before it parks */
export function openProcessLinks(spinMicroseconds: number): OpenedProcessLinks {
  if (process.platform !== 'linux') return { reason: `shared memory between processes needs Linux, and this is ${process.platform}` };
  const { addon, errors } = loadNativeAddon();
  if (addon === undefined) return { reason: `shared memory between processes needs the native engine, which does not load: ${errors.join('; ')}` };
  const place = placeOf();
  if (typeof place === 'string') return { reason: place };
  return { links: new NativeProcessLinks(addon, place, spinMicroseconds) };
}

/** The machine since it was started, the network namespace (whose sockets can be reached) and the user. */
function placeOf(): Uint8Array | string {
  try {
    const parts = [readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(), readlinkSync('/proc/self/ns/net'), process.geteuid?.(), L.LINK_VERSION];
    return new Uint8Array(createHash('sha256').update(parts.join('\n')).digest().subarray(0, 16));
  } catch (error) {
    return `whether another process is on this machine cannot be told: ${(error as Error).message}`;
  }
}

class NativeProcessLinks implements ProcessLinks {
  readonly place: Uint8Array;
  readonly #addon: NativeAddon;
  readonly #hub: number;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  readonly #table = new Uint32Array(EVENT_WORDS + FRAMES_MAX * 3);
  readonly #links = new Map<number, NativeProcessLink>();
  readonly #listeners = new Map<number, (link: ProcessLink) => void>();

  constructor(addon: NativeAddon, place: Uint8Array, spinMicroseconds: number) {
    this.place = place;
    this.#addon = addon;
    this.#hub = addon.linksOpen(this.#happened, this.#buffer, new Uint8Array(this.#table.buffer), spinMicroseconds);
  }

  listen(name: Uint8Array, accepted: (link: ProcessLink) => void): Error | undefined {
    const id = this.#addon.linksListen(this.#hub, name);
    if (id > 0) this.#listeners.set(id, accepted);
    return failure('listening for processes of this machine', id);
  }

  connect(name: Uint8Array): ProcessLink | Error {
    const id = this.#addon.linksConnect(this.#hub, name);
    return failure('connecting to a process of this machine', id) ?? this.#made(id);
  }

  close(): void {
    this.#addon.linksClose(this.#hub);
    this.#links.clear();
    this.#listeners.clear();
  }

  #made(id: number): NativeProcessLink {
    const link = new NativeProcessLink(this.#addon, this.#hub, id, () => this.#links.delete(id));
    this.#links.set(id, link);
    return link;
  }

  readonly #happened = (): void => {
    const table = this.#table;
    const event = table[0];
    const id = table[1] as number;
    const a = table[2] as number;
    const b = table[3];
    if (event === EVENT_ACCEPTED) {
      this.#listeners.get(id)?.(this.#made(a));
      return;
    }
    const link = this.#links.get(id);
    const events = link?.events;
    if (link === undefined || events === undefined) return;
    switch (event) {
      case EVENT_FRAMES:
        return this.#frames(link, a);
      case EVENT_MESSAGE:
        return events.message(this.#buffer.subarray(0, a), b === 1);
      case EVENT_ROOM:
        return events.room(a);
      case EVENT_LANE_ENDED:
        return events.laneEnded(a);
      case EVENT_CLOSED:
        this.#links.delete(id);
        link.events = undefined;
        events.closed(endOf(a));
    }
  };

  #frames(link: NativeProcessLink, count: number): void {
    const table = this.#table;
    for (let row = EVENT_WORDS; row < EVENT_WORDS + count * 3; row += 3) {
      const start = table[row + 1] as number;
      // It may end with any of them.
      link.events?.frame(table[row] as number, this.#buffer.subarray(start, start + (table[row + 2] as number)));
    }
  }
}

class NativeProcessLink implements ProcessLink {
  /** Undefined when it has ended. */
  events: ProcessLinkEvents | undefined;
  readonly #addon: NativeAddon;
  readonly #hub: number;
  readonly #id: number;
  readonly #forget: () => void;

  constructor(addon: NativeAddon, hub: number, id: number, forget: () => void) {
    this.#addon = addon;
    this.#hub = hub;
    this.#id = id;
    this.#forget = forget;
  }

  listen(events: ProcessLinkEvents): void {
    this.events = events;
  }

  send(bytes: Uint8Array): Error | undefined {
    return failure('sending to a process of this machine', this.#addon.linkSend(this.#hub, this.#id, bytes));
  }

  offer(bytes: Uint8Array): Error | undefined {
    return failure('making memory to share', this.#addon.linkOffer(this.#hub, this.#id, RING_BYTES, bytes));
  }

  accept(): Error | undefined {
    return failure('taking shared memory', this.#addon.linkAccept(this.#hub, this.#id));
  }

  write(lane: number, bytes: Uint8Array, moreFollows: boolean): 'written' | 'full' | 'closed' {
    const outcome = this.#addon.linkWrite(this.#hub, (this.#id << 3) | (lane << 1) | (moreFollows ? 1 : 0), bytes);
    return outcome === 1 ? 'written' : outcome === 0 ? 'full' : 'closed';
  }

  finishLane(lane: number): void {
    this.#addon.linkFinishLane(this.#hub, this.#id, lane);
  }

  end(): void {
    this.events = undefined;
    this.#forget();
    this.#addon.linkEnd(this.#hub, this.#id);
  }
}

function failure(doing: string, result: number): Error | undefined {
  return result >= 0 ? undefined : new Error(`${doing} failed: ${getSystemErrorName(result)}`);
}

function endOf(errno: number): Error | undefined {
  if (errno === 0) return undefined;
  if (errno === EPROTO) return new Error('the other process has written into the shared memory what no node writes');
  if (errno === ECANCELED) return new Error('the other process has given up the shared memory');
  return new Error(`the socket to the other process failed: ${getSystemErrorName(-errno)}`);
}

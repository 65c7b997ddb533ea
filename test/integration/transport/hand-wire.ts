/** A network in memory on which a test says, for each direction of each connection, what arrives when: frames can be held as losses hold them up, and what nobody has sent can be put before a side. The same for shared memory. */
import type { ProcessLink, ProcessLinkEvents, ProcessLinks } from '../../../dist/ts-src/ports/process-links.js';
import type { DialEvents, Wire, WireConnection, WireEvents } from '../../../dist/ts-src/ports/wire.js';

const ROOM_BYTES = 1_048_576;
const NORMAL_CLOSURE = 1000;

/** What one side of a connection sends to the other one. */
export class Direction {
  readonly #waiting: ((events: WireEvents) => void)[] = [];
  /** Frames that still pass before the rest is held. */
  #passes = Number.POSITIVE_INFINITY;
  #receiver: WireEvents | undefined;

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Nothing more arrives after so many frames. */
  holdAfter(frames: number): void {
    this.#passes = frames;
  }

  release(): void {
    this.#passes = Number.POSITIVE_INFINITY;
    this.#pump();
  }

  /** What the receiver gets at once, from nobody. */
  inject(bytes: Uint8Array): void {
    this.#receiver?.received(bytes);
  }

  listen(receiver: WireEvents): void {
    this.#receiver = receiver;
    this.#pump();
  }

  give(call: (events: WireEvents) => void): void {
    this.#waiting.push(call);
    this.#pump();
  }

  #pump(): void {
    queueMicrotask(() => {
      while (this.#receiver !== undefined && this.#passes > 0 && this.#waiting.length > 0) {
        this.#passes--;
        this.#waiting.shift()?.(this.#receiver);
      }
    });
  }
}

export interface HandConnection {
  readonly toAcceptor: Direction;
  readonly toDialler: Direction;
}

export class HandNetwork {
  /** In the order in which they were dialled. */
  readonly connections: HandConnection[] = [];
  /** Of the next ones: frames that pass to the acceptor before the rest is held. */
  passesToAcceptor = Number.POSITIVE_INFINITY;
  readonly #listeners = new Map<number, (connection: WireConnection) => void>();

  wire(): Wire {
    return {
      listen: async ({ host }, accept) => {
        const port = 1000 + this.#listeners.size;
        this.#listeners.set(port, accept);
        return { address: { host, port }, close: async () => void this.#listeners.delete(port) };
      },
      dial: ({ port }, _timeoutMs, events) => {
        let isGivenUp = false;
        queueMicrotask(() => {
          if (!isGivenUp) this.#dialled(port, events);
        });
        return () => {
          isGivenUp = true;
        };
      },
      close: async () => undefined,
    };
  }

  #dialled(port: number, events: DialEvents): void {
    const accept = this.#listeners.get(port);
    if (accept === undefined) return events.failed(new Error('nobody listens'), true);
    const [toAcceptor, toDialler] = [new Direction(), new Direction()];
    toAcceptor.holdAfter(this.passesToAcceptor);
    this.connections.push({ toAcceptor, toDialler });
    accept(sideOf(toAcceptor, toDialler));
    events.opened(sideOf(toDialler, toAcceptor));
  }
}

function sideOf(incoming: Direction, outgoing: Direction): WireConnection {
  let isOpen = true;
  const close = (code: number, text: string): void => {
    if (!isOpen) return;
    isOpen = false;
    outgoing.give((events) => events.closed({ type: 'closed', byPeer: true, code, text }));
  };
  return {
    ...{ remote: 'by hand', certifiedNames: undefined, waitingBytes: 0, roomBytes: ROOM_BYTES },
    listen: (events) => incoming.listen(events),
    send: (bytes) => {
      if (isOpen) outgoing.give((events) => events.received(bytes.slice()));
    },
    close,
    terminate: () => close(NORMAL_CLOSURE, 'ended at once'),
  };
}

/** Shared memory of which a test says when what comes to this side is read. */
export class HandLinks {
  #events: ProcessLinkEvents | undefined;
  #held: (() => void)[] | undefined;

  get held(): number {
    return this.#held?.length ?? 0;
  }

  hold(): void {
    this.#held = [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const call of held) call();
  }

  /** What this side gets at once, from nobody. */
  inject(lane: number, bytes: Uint8Array): void {
    this.#events?.frame(lane, bytes);
  }

  over(links: ProcessLinks): ProcessLinks {
    return {
      place: links.place,
      listen: (name, accepted) => links.listen(name, (link) => accepted(this.#noted(link))),
      connect: (name) => {
        const link = links.connect(name);
        return link instanceof Error ? link : this.#noted(link);
      },
      close: () => links.close(),
    };
  }

  #noted(link: ProcessLink): ProcessLink {
    return {
      listen: (events) => {
        this.#events = events;
        link.listen({
          message: (bytes, hasMemory) => events.message(bytes, hasMemory),
          frame: (lane, bytes) => {
            const copy = bytes.slice();
            this.#told(() => events.frame(lane, copy));
          },
          room: (lanes) => this.#told(() => events.room(lanes)),
          laneEnded: (lane) => this.#told(() => events.laneEnded(lane)),
          closed: (error) => this.#told(() => events.closed(error)),
        });
      },
      send: (bytes) => link.send(bytes),
      offer: (bytes) => link.offer(bytes),
      accept: () => link.accept(),
      write: (lane, bytes, moreFollows) => link.write(lane, bytes, moreFollows),
      finishLane: (lane) => link.finishLane(lane),
      end: () => link.end(),
    };
  }

  #told(call: () => void): void {
    if (this.#held === undefined) call();
    else this.#held.push(call);
  }
}

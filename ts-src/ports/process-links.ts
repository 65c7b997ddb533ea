/**
 * What the cluster needs of the machine to talk to another process on it through shared memory: sockets with names that leave nothing behind, and memory that is handed over on them. Implemented by
 * `bindings/process-links.ts` with the native engine. Who the other side is, and what goes through the memory, is the business of `cluster/same-host/`.
 */

/** Calls of a link to its user, from the event loop, never from within a call of the user to it. */
export interface ProcessLinkEvents {
  /** A message of the handshake. The bytes are the user's until the call returns. @param hasMemory memory came with it, for `accept` */
  message(bytes: Uint8Array, hasMemory: boolean): void;
  /** A frame, whole; in order on its lane. The bytes are the user's until the call returns. */
  frame(lane: number, bytes: Uint8Array): void;
  /** `write` has said `full` on these lanes (as bits), and there may be room now. */
  room(lanes: number): void;
  /** The other side has finished a lane: nothing more comes on it. */
  laneEnded(lane: number): void;
  /** Once, after everything that was published before. Undefined: the other process has ended, or this link there. */
  closed(error: Error | undefined): void;
}

/** One socket to another process; with memory, a link. */
export interface ProcessLink {
  /** At once when there is one: nothing is told before. */
  listen(events: ProcessLinkEvents): void;
  /** A message of the handshake, at most 512 bytes. Returns why it could not be sent. */
  send(bytes: Uint8Array): Error | undefined;
  /** As `send`, with new memory: from now on frames go both ways. */
  offer(bytes: Uint8Array): Error | undefined;
  /** Takes the memory that came with a message: from now on frames go both ways. */
  accept(): Error | undefined;
  /** A frame of at most 65,536 bytes, on lane 0 to 2. Nothing of it is kept. @param moreFollows another one is written in this turn */
  write(lane: number, bytes: Uint8Array, moreFollows: boolean): 'written' | 'full' | 'closed';
  /** Nothing more comes on a lane, after what was written. */
  finishLane(lane: number): void;
  /** Ends it at once. What the other side has not read of lanes that were not finished, it does not read any more. Nothing is told. */
  end(): void;
}

export interface ProcessLinks {
  /** What all processes that can be linked to have in common, and no others: 16 bytes. */
  readonly place: Uint8Array;
  /** Under a name of at most 64 bytes, which no other listener of the machine has. Connections come from processes of the same user. Returns why not. */
  listen(name: Uint8Array, accepted: (link: ProcessLink) => void): Error | undefined;
  /** To a listener of the same user. */
  connect(name: Uint8Array): ProcessLink | Error;
  /** Ends all of it. */
  close(): void;
}

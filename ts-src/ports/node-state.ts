/** The few bytes that a node keeps from one start to the next: its last incarnation, and how far the views of its cluster have come. A file in production, a simulated disk in tests. */
export interface NodeStateStore {
  /** Undefined if there is nothing, or nothing that can be read: the node then takes itself for a new one. */
  load(): Promise<Uint8Array | undefined>;
  /** Resolves when it is on disk; all of it or what was there before. */
  save(bytes: Uint8Array): Promise<void>;
}

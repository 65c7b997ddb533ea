/** Time as the runtime sees it. */
export interface Clock {
  /** Milliseconds of a clock that never goes back, and is the same for all threads of a process. */
  nowMs(): number;
  /** Milliseconds since 1970. */
  epochMs(): number;
  /** Calls back once after `delayMs`; keeps the process alive until then, unless that is not wanted. Returns a function that cancels. */
  after(delayMs: number, callback: () => void, keepsAlive?: boolean): () => void;
}

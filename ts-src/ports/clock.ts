/** Time as the runtime sees it. */
export interface Clock {
  /** Milliseconds of a clock that never goes back. */
  nowMs(): number;
  /** Added to `nowMs`, gives a time that is the same on all threads of the process, to a microsecond or better. */
  readonly originMs: number;
  /** Milliseconds since 1970. */
  epochMs(): number;
  /** Calls back once after `delayMs`; keeps the process alive until then. Returns a function that cancels. */
  after(delayMs: number, callback: () => void): () => void;
}

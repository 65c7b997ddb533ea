/** What tests of policies share: a manual clock around them, operations that end when they are told to, and a turn in which everything that can go on does. */
import { ManualClock } from '../runtime/manual-clock.js';

export class Workbench {
  readonly clock = new ManualClock();
  /** What listeners and functions of options threw. */
  readonly reported: unknown[] = [];
  readonly surroundings = { clock: this.clock, seed: 7, report: (error: unknown) => void this.reported.push(error) };

  /** Moves the clock in steps of a millisecond, so that what follows a timer may set another. */
  async pass(ms: number): Promise<void> {
    await turn();
    for (let passed = 0; passed < ms; passed++) {
      this.clock.advance(1);
      await turn();
    }
  }
}

/** Everything that waits for promises only goes on. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** An operation that ends when the test says so. */
export class Gate<T = string> {
  calls = 0;
  signal: AbortSignal | undefined;
  readonly #open: { readonly resolve: (value: T) => void; readonly reject: (error: unknown) => void }[] = [];

  readonly operation = ({ signal }: { readonly signal: AbortSignal | undefined }): Promise<T> => {
    this.calls++;
    this.signal = signal;
    return new Promise((resolve, reject) => {
      this.#open.push({ resolve, reject });
    });
  };

  resolve(value: T): void {
    this.#open.shift()?.resolve(value);
  }

  reject(error: unknown): void {
    this.#open.shift()?.reject(error);
  }
}

/** What has become of a promise: its value, the code or message of its error, or undefined as long as it waits. */
export function fateOf(promise: Promise<unknown>): { readonly fate: unknown } {
  const seen: { fate: unknown } = { fate: undefined };
  promise.then(
    (value) => {
      seen.fate = value;
    },
    (error: Error & { code?: string }) => {
      seen.fate = typeof error?.code === 'string' ? error.code : error?.message;
    },
  );
  return seen;
}

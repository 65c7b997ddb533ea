/** A compiled codec with its interpreted twin, over the shared memory of a nexus: everything is done by both, and must come out the same. */
import { compileCodec, type DeclaredCodec, interpretCodec } from '../../../dist/ts-src/codec/declared/declared-codec.js';
import { type MemoryViews, memoryViews } from '../../../dist/ts-src/codec/declared/memory-views.js';
import type { Infer, Shape } from '../../../dist/ts-src/model/shape.js';
import { references, webAssemblyMemory } from '../codec/pair.js';

const BYTES = 64 * 65_536;
export const OFFSET = 72;
const FILL = 0xa5;

export class Twins<S extends Shape> {
  readonly compiled: DeclaredCodec<Infer<S>>;
  readonly interpreted: DeclaredCodec<Infer<S>>;
  readonly views: MemoryViews = shared;

  constructor(readonly shape: S) {
    this.compiled = compileCodec(shape, references);
    this.interpreted = interpretCodec(shape, references);
    if (!this.compiled.compiled || this.interpreted.compiled) throw new Error('these are no twins');
  }

  /** What arrives, after the memory has been overwritten. */
  send(value: Infer<S>): Infer<S> {
    const bytes = this.encoded(value);
    const [one, two] = [this.compiled, this.interpreted].map((codec) => {
      shared.bytes.set(bytes, OFFSET);
      const result = codec.read(shared, OFFSET, OFFSET + bytes.length);
      shared.bytes.fill(FILL, OFFSET, OFFSET + bytes.length);
      return result;
    });
    assertSame(one, two);
    return one as Infer<S>;
  }

  encoded(value: Infer<S>): Uint8Array {
    const [one, two] = [this.compiled, this.interpreted].map((codec) => {
      codec.check(value);
      shared.bytes.fill(FILL, OFFSET, OFFSET + 4096);
      const end = codec.write(value, shared, OFFSET, BYTES);
      if (end < 0) throw new Error('the message does not fit');
      if (codec.fixedBytes !== undefined && codec.fixedBytes !== end - OFFSET) throw new Error('the message is not as long as all others');
      return shared.bytes.slice(OFFSET, end);
    }) as [Uint8Array, Uint8Array];
    // Bytes between the parts are what was there before.
    if (one.length <= 4096) assertSame(one, two);
    else assertSame(one.length, two.length);
    return one;
  }

  /** The error of both, or undefined. */
  refusal(value: unknown): Error | undefined {
    const [one, two] = [this.compiled, this.interpreted].map((codec) => {
      const written = thrown(() => codec.write(value as Infer<S>, shared, OFFSET, BYTES));
      assertSame(thrown(() => codec.check(value))?.message, written?.message);
      return written;
    });
    assertSame(one?.message, two?.message);
    return one;
  }
}

const shared = memoryViews(webAssemblyMemory(64, true).buffer);

export function thrown(action: () => unknown): Error | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/** Stricter than the comparisons of test libraries: order of keys, absent or undefined, -0, prototypes, a key named __proto__, invalid dates. */
export function assertSame(actual: unknown, expected: unknown, path = 'value'): void {
  if (Object.is(actual, expected)) return;
  if (typeof actual !== 'object' || typeof expected !== 'object' || actual === null || expected === null)
    throw new Error(`${path} is ${String(actual)}, expected ${String(expected)}`);
  if (Object.getPrototypeOf(actual) !== Object.getPrototypeOf(expected)) throw new Error(`${path} has another prototype`);
  if (actual instanceof Date) return assertSame(actual.getTime(), (expected as Date).getTime(), path);
  const [keys, expectedKeys] = [Reflect.ownKeys(actual).map(String), Reflect.ownKeys(expected).map(String)];
  if (keys.join() !== expectedKeys.join()) throw new Error(`${path} has the keys ${keys.slice(0, 9).join()}, expected ${expectedKeys.slice(0, 9).join()}`);
  for (const key of keys) {
    const [one, two] = [Object.getOwnPropertyDescriptor(actual, key), Object.getOwnPropertyDescriptor(expected, key)];
    assertSame(one?.value, two?.value, `${path}.${key}`);
  }
}

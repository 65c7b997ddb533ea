/** An encoder with its decoder over shared memory, and a stand-in for agent references. */

import type { ReferenceCodec } from '../../../dist/ts-src/codec/reference-codec.js';
import { ValueDecoder } from '../../../dist/ts-src/codec/value-decoder.js';
import { ValueEncoder, type ValueEncoderOptions } from '../../../dist/ts-src/codec/value-encoder.js';

export class Reference {
  constructor(
    readonly slot: number,
    readonly generation: number,
    readonly kind: number,
    readonly id: string | undefined,
  ) {}
}

/** What a proxy with methods would be. */
export function callableReference(): object {
  return Object.assign(() => {}, { isReference: true });
}

export const references: ReferenceCodec = {
  isReference: (value) => value instanceof Reference || Object.hasOwn(value, 'isReference'),
  describe: (value) => (value instanceof Reference ? value : new Reference(7, 8, 9, undefined)),
  restore: (slot, generation, kind, id) => new Reference(slot, generation, kind, id),
};

/** Not in the types of Node 20. */
interface WithWebAssembly {
  readonly WebAssembly: { readonly Memory: new (limits: { shared: boolean; initial: number; maximum: number }) => { readonly buffer: SharedArrayBuffer } };
}

/** What the memory of a nexus is: 64 kB a page. */
export function webAssemblyMemory(pages: number, shared: boolean): { readonly buffer: SharedArrayBuffer } {
  return new (globalThis as unknown as WithWebAssembly).WebAssembly.Memory({ shared, initial: pages, maximum: pages });
}

const memory = webAssemblyMemory(64, true);

export class Pair {
  readonly encoder: ValueEncoder;
  readonly decoder = new ValueDecoder(references);
  /** Does not start where the memory starts, as a ring does not. */
  readonly bytes: Uint8Array;
  readonly offset: number;

  constructor(options?: ValueEncoderOptions, bytes: Uint8Array = new Uint8Array(memory.buffer, 40), offset = 13) {
    this.encoder = new ValueEncoder(references, options);
    this.bytes = bytes;
    this.offset = offset;
  }

  /** Through memory that is overwritten before the result is looked at. */
  send<T>(value: T): T {
    const end = this.encoder.encode(value, this.bytes, this.offset, this.bytes.length);
    if (end < 0) throw new Error('the message does not fit');
    const result = this.decoder.decode(this.bytes, this.offset, end);
    this.bytes.fill(0xa5, this.offset, end);
    return result as T;
  }

  /** The bytes of a message that the decoder does not see. */
  encoded(value: unknown): Uint8Array {
    const end = this.encoder.encode(value, this.bytes, this.offset, this.bytes.length);
    return this.bytes.slice(this.offset, end);
  }
}

/** Sends three times: with keys, with the definition of the shapes, with known shapes. Returns the last. */
export function roundTrip<T>(value: T): T {
  const pair = new Pair();
  pair.send(value);
  pair.send(value);
  return pair.send(value);
}

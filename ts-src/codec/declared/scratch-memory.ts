/** Private memory for declared messages that do not go straight into a ring. Grows as they need, within their limit. */
import { NexusError } from '../../errors.js';
import type { MessageCodec } from './lazy-codec.js';
import { type MemoryViews, memoryViews } from './memory-views.js';

const BYTES_MIN = 4096;
/** A larger memory is given back after use. */
const BYTES_KEPT_MAX = 1_048_576;

export class ScratchMemory {
  #views: MemoryViews | undefined;

  /**
   * The encoded value behind `headerBytes` (a multiple of 8) that are left to the caller: a view that is valid until the next call. The value takes at most
   * `bytesMax`.
   *
   * @throws NexusError NEXUS_MESSAGE_TOO_LARGE; NexusTypeError NEXUS_SHAPE_MISMATCH
   */
  encode<T>(codec: MessageCodec<T>, value: T, headerBytes: number, bytesMax: number): Uint8Array {
    const sizeMax = headerBytes + bytesMax;
    let views = this.#views ?? memoryOf(Math.min(BYTES_MIN, sizeMax));
    for (;;) {
      this.#views = views.bytes.length > BYTES_KEPT_MAX ? undefined : views;
      const size = views.bytes.length;
      const end = codec.write(value, views, headerBytes, Math.min(size, sizeMax));
      if (end >= 0) return views.bytes.subarray(0, end);
      if (size >= sizeMax)
        throw new NexusError(
          'NEXUS_MESSAGE_TOO_LARGE',
          `the message takes more than ${bytesMax} bytes when encoded; send less, or raise messages.bytesMax of createNexus`,
          { data: { bytesMax } },
        );
      views = memoryOf(Math.min(size * 4, sizeMax));
    }
  }
}

function memoryOf(bytes: number): MemoryViews {
  return memoryViews(new ArrayBuffer((bytes + 7) & ~7));
}

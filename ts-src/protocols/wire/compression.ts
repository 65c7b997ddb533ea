/**
 * Compression of single large messages, if both sides can: Brotli at quality 1, which Node has built in and which was measured on records as applications send them against deflate (twice as slow at
 * its fastest, and larger) and against leaving it out. LZ4 would be another package, and zstandard is not in all versions of Node that we run on. The size of the result is said beforehand and enforced
 * while inflating, so that a few bytes cannot become gigabytes.
 */
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { violation } from './frame-format.js';

export interface CompressionOptions {
  /** Smaller messages are left as they are. */
  readonly bytesMin: number;
}

/** A message is sent compressed only if that saves so much of it. */
const SAVED_MIN = 1 / 8;
const PROBE_BYTES = 16_384;

/** Undefined if it does not get much smaller. */
export function compressed(bytes: Uint8Array): Uint8Array | undefined {
  // What has been compressed already, or is noise, is found at its beginning and middle, for a small part of the price.
  if (bytes.length > 4 * PROBE_BYTES) {
    const middle = bytes.length >> 1;
    if (!saves(bytes.subarray(0, PROBE_BYTES)) && !saves(bytes.subarray(middle, middle + PROBE_BYTES))) return undefined;
  }
  const result = deflated(bytes);
  return result.length <= bytes.length * (1 - SAVED_MIN) ? result : undefined;
}

/** @throws NexusError NEXUS_FRAME_INVALID unless exactly `rawBytes` come out */
export function inflated(bytes: Uint8Array, rawBytes: number): Uint8Array {
  let result: Uint8Array;
  try {
    result = brotliDecompressSync(bytes, { maxOutputLength: rawBytes, chunkSize: Math.max(64, Math.min(rawBytes, 1_048_576)) });
  } catch (error) {
    throw violation('compression', `a compressed message cannot be inflated to ${rawBytes} bytes: ${(error as Error).message}`);
  }
  if (result.length !== rawBytes) throw violation('compression', `a compressed message has ${result.length} bytes, and says ${rawBytes}`);
  return result;
}

function saves(bytes: Uint8Array): boolean {
  return deflated(bytes).length <= bytes.length * (1 - SAVED_MIN);
}

function deflated(bytes: Uint8Array): Uint8Array {
  return brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 1, [constants.BROTLI_PARAM_LGWIN]: 18, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  });
}

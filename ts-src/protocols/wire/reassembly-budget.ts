/** What messages in fragments that are not whole yet may take of memory, over all sessions that share it. What does not fit is refused, and its fragments are thrown away as they come. */

/** Default of all sessions of a transport together. */
export const REASSEMBLY_BYTES_MAX = 536_870_912;
/** The memory of one message is kept for the next, if it is not larger: the system takes longer to give new memory than it takes to fill it. */
const SPARE_BYTES_MAX = 4_194_304;

export class ReassemblyBudget {
  #taken = 0;
  #spare: ArrayBuffer | undefined;

  constructor(readonly bytesMax = REASSEMBLY_BYTES_MAX) {}

  get takenBytes(): number {
    return this.#taken;
  }

  /** Memory with whatever is in it, to be given back; undefined if there is no room. */
  take(bytes: number): Uint8Array | undefined {
    if (this.#taken + bytes > this.bytesMax) return undefined;
    this.#taken += bytes;
    const spare = this.#spare;
    if (spare === undefined || spare.byteLength < bytes) return new Uint8Array(bytes);
    this.#spare = undefined;
    return new Uint8Array(spare, 0, bytes);
  }

  /** What it was taken for is in there until the next `take`. */
  give({ length, buffer }: Uint8Array): void {
    this.#taken -= length;
    if (buffer.byteLength <= SPARE_BYTES_MAX && buffer.byteLength > (this.#spare?.byteLength ?? 0)) this.#spare = buffer as ArrayBuffer;
  }
}

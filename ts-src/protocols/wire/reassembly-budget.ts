/** What messages in fragments that are not whole yet may take of memory, over all sessions that share it. What does not fit is refused, and its fragments are thrown away as they come. */

/** Default of all sessions of a transport together. */
export const REASSEMBLY_BYTES_MAX = 536_870_912;

export class ReassemblyBudget {
  #taken = 0;

  constructor(readonly bytesMax = REASSEMBLY_BYTES_MAX) {}

  get takenBytes(): number {
    return this.#taken;
  }

  take(bytes: number): boolean {
    if (this.#taken + bytes > this.bytesMax) return false;
    this.#taken += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#taken -= bytes;
  }
}

/**
 * How an agent reference travels inside a message. The codec asks these three questions and knows nothing else about agents; the runtime
 * answers them.
 */

/** What a reference is made of; the three numbers are unsigned 32-bit. */
export interface ReferenceDescription {
  readonly slot: number;
  readonly generation: number;
  readonly kind: number;
  readonly id: string | undefined;
}

export interface ReferenceCodec {
  /** Why no reference can be sent this way, such as `is an agent`: then `describe` throws, and the refusal names the place. Default: they can be sent. */
  readonly refusal?: string;
  /**
   * True if the value is a reference. Asked for functions and for objects whose prototype is neither `Object.prototype` nor null, never for
   * plain objects and arrays, which would pay for the question without ever being one.
   */
  isReference(value: object): boolean;
  describe(value: object): ReferenceDescription;
  restore(slot: number, generation: number, kind: number, id: string | undefined): object;
}

/**
 * A small seeded generator of random numbers: sfc32 (Chris Doty-Humphrey, PractRand), 128 bits of state, period about 2^127.
 * The same seed gives the same sequence on every machine. Not for secrets.
 */
export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param seed any 32-bit integer. @param stream separates sequences of one seed, as agents by id. */
  constructor(seed: number, stream: string) {
    this.#a = seed | 0;
    this.#b = hash(stream, 0x9e3779b9);
    this.#c = hash(stream, seed | 0);
    for (let index = 0; index < 12; index++) this.#step();
  }

  /** Goes on where another generator was, which `position` has told. */
  static at(position: readonly number[]): SeededRandom {
    const random = new SeededRandom(0, '');
    [random.#a, random.#b, random.#c, random.#counter] = position as [number, number, number, number];
    return random;
  }

  /** Where the sequence is: four 32-bit integers. */
  get position(): readonly number[] {
    return [this.#a, this.#b, this.#c, this.#counter];
  }

  /** 0 ≤ x < 1, with 32 bits. */
  next(): number {
    return (this.#step() >>> 0) / 4294967296;
  }

  #step(): number {
    const result = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0;
    return result;
  }
}

/** FNV-1a over UTF-16 units. */
function hash(text: string, basis: number): number {
  let value = basis;
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return value | 0;
}

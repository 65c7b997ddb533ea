/** What was heard of lately about activations of other nodes: bounded, and possibly wrong. Two generations in the place of a list in the order of use: what is used stays, for the price of a map. */
import type { Registration } from '../../model/registration.js';

export class KnownRegistrations {
  readonly #halfMax: number;
  /** Copies of the directory that are not to be read, by id: all up to this token. Only their owner corrects them, and that of a partition of which this node is no successor any more nobody. */
  readonly #wrongCopies = new Map<string, number>();
  #young = new Map<string, Registration>();
  #old = new Map<string, Registration>();

  constructor(entriesMax: number) {
    this.#halfMax = Math.max(1, entriesMax >>> 1);
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(id: string): Registration | undefined {
    const young = this.#young.get(id);
    if (young !== undefined) return young;
    const old = this.#old.get(id);
    if (old !== undefined) {
      this.#old.delete(id);
      this.#add(old);
    }
    return old;
  }

  /** What is known with a greater token stays. */
  heard(registration: Registration): void {
    const { id, token } = registration;
    const before = this.#young.get(id) ?? this.#old.get(id);
    if (before !== undefined && before.token > token) return;
    this.#old.delete(id);
    this.#add(registration);
  }

  /** It is wrong, and so is what is older. */
  forget(id: string, token: number): void {
    const known = this.#young.get(id) ?? this.#old.get(id);
    if (known === undefined || known.token > token) return;
    this.#young.delete(id);
    this.#old.delete(id);
  }

  /** As `forget`, of what the directory has a copy of. */
  forgetCopy({ id, token }: Registration): void {
    this.#wrongCopies.delete(id);
    this.#wrongCopies.set(id, token);
    if (this.#wrongCopies.size > 2 * this.#halfMax) this.#wrongCopies.delete(this.#wrongCopies.keys().next().value as string);
  }

  isWrongCopy({ id, token }: Registration): boolean {
    return token <= (this.#wrongCopies.get(id) ?? 0);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }

  #add(registration: Registration): void {
    if (this.#young.size >= this.#halfMax && !this.#young.has(registration.id)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(registration.id, registration);
  }
}

/** What this node may run, by partition, and what it has stopped in order to hand it over: what it reports to owners. */
import type { Registration } from '../../model/registration.js';
import { Digest } from './directory-entry.js';
import { PARTITIONS, partitionOf } from './partition.js';

export class Activations {
  readonly #running: (Map<string, Registration> | undefined)[] = new Array(PARTITIONS).fill(undefined);
  readonly #digests: (Digest | undefined)[] = new Array(PARTITIONS).fill(undefined);
  readonly #leaving = new Map<string, Registration>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  own(id: string): Registration | undefined {
    return this.#running[partitionOf(id)]?.get(id);
  }

  leaving(id: string): Registration | undefined {
    return this.#leaving.get(id);
  }

  *running(partition: number): Iterable<Registration> {
    const running = this.#running[partition];
    if (running !== undefined) yield* running.values();
  }

  *leavingIn(partition: number): Iterable<Registration> {
    for (const registration of this.#leaving.values()) if (partitionOf(registration.id) === partition) yield registration;
  }

  *all(): Iterable<Registration> {
    for (const running of this.#running) if (running !== undefined) yield* running.values();
  }

  add(registration: Registration): void {
    const { id, token } = registration;
    this.delete(id);
    this.#leaving.delete(id);
    const partition = partitionOf(id);
    const running = this.#running[partition] ?? new Map<string, Registration>();
    this.#running[partition] = running;
    running.set(id, registration);
    const digest = this.#digests[partition] ?? new Digest();
    this.#digests[partition] = digest;
    digest.add(id, token);
    this.#count++;
  }

  delete(id: string): Registration | undefined {
    const partition = partitionOf(id);
    const registration = this.#running[partition]?.get(id);
    if (registration === undefined) return undefined;
    this.#running[partition]?.delete(id);
    this.#digests[partition]?.delete(id, registration.token);
    this.#count--;
    return registration;
  }

  /** It runs no more, and is this node's until somebody else has it. */
  leave(id: string): Registration | undefined {
    const registration = this.delete(id);
    if (registration !== undefined) this.#leaving.set(id, registration);
    return registration;
  }

  /** Somebody else has it. */
  left(id: string): void {
    this.#leaving.delete(id);
  }

  /** Of what runs in a partition. */
  digest(partition: number): Digest {
    return this.#digests[partition] ?? EMPTY;
  }
}

const EMPTY = new Digest();

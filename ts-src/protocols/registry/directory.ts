/** The partitions of the directory that this node has: those it owns, copies of those of others, and what it had as an owner of before. What it may do with each is their role. */
import type { DirectoryPart } from './directory-part.js';
import { PARTITIONS } from './partition.js';

/** `copy`: of another owner, or nothing at all. `claiming`: owned, and what others run of it is not known yet. `serving`: owned. */
export type Role = 'copy' | 'claiming' | 'serving';
const ROLES: readonly Role[] = ['copy', 'claiming', 'serving'];

export class Directory {
  readonly #parts: (DirectoryPart | undefined)[] = new Array(PARTITIONS).fill(undefined);
  readonly #roles = new Uint8Array(PARTITIONS);

  role(partition: number): Role {
    return ROLES[this.#roles[partition] as number] as Role;
  }

  is(role: Role, partition: number): boolean {
    return ROLES[this.#roles[partition] as number] === role;
  }

  become(role: Role, partition: number): void {
    this.#roles[partition] = ROLES.indexOf(role);
  }

  part(partition: number): DirectoryPart | undefined {
    return this.#parts[partition];
  }

  /** What is served. */
  served(partition: number): DirectoryPart | undefined {
    return this.is('serving', partition) ? this.#parts[partition] : undefined;
  }

  set(partition: number, part: DirectoryPart): void {
    this.#parts[partition] = part;
  }

  drop(partition: number): void {
    this.#parts[partition] = undefined;
  }

  *partitions(role: Role): Iterable<number> {
    const number = ROLES.indexOf(role);
    for (let partition = 0; partition < PARTITIONS; partition++) if (this.#roles[partition] === number) yield partition;
  }

  /** Registrations in partitions that this node owns, and in copies. */
  counts(): { readonly registered: number; readonly replicated: number } {
    let registered = 0;
    let replicated = 0;
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const count = this.#parts[partition]?.entries.size ?? 0;
      if (this.#roles[partition] === 0) replicated += count;
      else registered += count;
    }
    return { registered, replicated };
  }
}

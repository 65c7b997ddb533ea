/**
 * Copies of the directory of a cluster, compared while everything goes wrong: a successor that says it has a version of a partition has what the owner has in that version. It may be behind, but not otherwise different. Asked by
 * `agents-simulation.ts`.
 */
import type { Directory } from '../../protocols/registry/directory.js';
import { PARTITIONS } from '../../protocols/registry/partition.js';

export interface LookedDirectory {
  readonly name: string;
  readonly directory: Directory;
}

/** The first copy that is not what it says it is; undefined if there is none. */
export function wrongCopy(looked: readonly LookedDirectory[]): string | undefined {
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (const owner of looked) {
      const served = owner.directory.served(partition);
      if (served === undefined) continue;
      for (const { name, directory } of looked) {
        const copy = directory.is('copy', partition) ? directory.part(partition) : undefined;
        if (copy === undefined || copy.epoch !== served.epoch || copy.sequence !== served.sequence || copy.digest.equals(served.digest)) continue;
        const version = `version ${served.epoch}.${served.sequence} of partition ${partition}`;
        return `${name} has ${version} with ${copy.entries.size} registrations, and its owner ${owner.name} has it with ${served.entries.size}, or with other ones`;
      }
    }
  }
  return undefined;
}

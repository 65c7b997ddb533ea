/** Control groups of the kernel, one for each node, by which its memory can be limited: version 2 where the controller is there, else version 1. Used as root only; why there are none is said. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface Version {
  readonly folder: string;
  readonly limitFile: string;
  readonly unlimited: string;
}

const VERSIONS: readonly Version[] = [
  { folder: '/sys/fs/cgroup', limitFile: 'memory.max', unlimited: 'max' },
  { folder: '/sys/fs/cgroup/memory', limitFile: 'memory.limit_in_bytes', unlimited: '-1' },
];

export class MemoryGroups {
  readonly #version: Version | undefined;
  readonly #prefix: string;
  readonly #made = new Set<string>();
  /** Why there are none. */
  readonly why: string | undefined;

  constructor(prefix: string) {
    this.#prefix = prefix;
    const failures: string[] = [];
    this.#version = VERSIONS.find((version) => {
      const group = join(version.folder, `${prefix}-probe`);
      // A folder of something else, where no files of a group appear by themselves.
      if (!existsSync(join(version.folder, 'cgroup.procs'))) return false;
      try {
        mkdirSync(group);
      } catch (error) {
        failures.push((error as NodeJS.ErrnoException).code ?? String(error));
        return false;
      }
      try {
        writeFileSync(join(group, version.limitFile), version.unlimited);
        return true;
      } catch (error) {
        failures.push((error as Error).message);
        return false;
      } finally {
        rmdirSync(group);
      }
    });
    this.why = this.#version === undefined ? `memory cannot be limited here: ${failures.at(-1) ?? 'there are no control groups'}; root may` : undefined;
  }

  /** A process of the node has been started. */
  add(node: number, pid: number): void {
    if (this.#version === undefined) return;
    const group = this.#group(node);
    if (!this.#made.has(group)) {
      mkdirSync(group, { recursive: true });
      this.#made.add(group);
    }
    try {
      writeFileSync(join(group, 'cgroup.procs'), String(pid));
    } catch (error) {
      // It has ended already.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  limit(node: number, bytes: number | undefined): void {
    if (this.#version === undefined || !this.#made.has(this.#group(node))) return;
    const file = join(this.#group(node), this.#version.limitFile);
    try {
      writeFileSync(file, bytes === undefined ? this.#version.unlimited : String(bytes));
    } catch (error) {
      // Version 1 refuses a limit that it cannot reach by reclaiming; half way is tried, so that the node is short of memory at all.
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || bytes === undefined) throw error;
      const used = Number(readFileSync(join(this.#group(node), 'memory.usage_in_bytes'), 'utf8'));
      writeFileSync(file, String(used + 1_048_576));
    }
  }

  close(): void {
    for (const group of this.#made) {
      try {
        rmdirSync(group);
      } catch (error) {
        // A process that is being killed is in it still: the next run on this machine finds an empty group.
        if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
      }
    }
  }

  #group(node: number): string {
    return join((this.#version as Version).folder, `${this.#prefix}-n${node}`);
  }
}

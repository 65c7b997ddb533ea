/**
 * Reads the files that describe a host, below a folder that stands for its root, and remembers what could not be read. It does not know what is in them: that is
 * for the parsers. Used for one reading of the topology.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Refusal } from '../ts-src/model/topology.js';

export class HostFiles {
  readonly #root: string;
  readonly refusals: Refusal[] = [];

  constructor(root: string) {
    this.#root = root;
  }

  /** What `parse` makes of a file. Undefined, and a refusal, if there is no such file, it may not be read, or it is not understood. */
  read<T>(path: string, parse: (text: string) => T | undefined): T | undefined {
    return this.#read(path, parse, false);
  }

  /** As `read`, but that the file does not exist is no refusal. */
  readIfThere<T>(path: string, parse: (text: string) => T | undefined): T | undefined {
    return this.#read(path, parse, true);
  }

  /** Numbers of the entries of a folder that are a name and a number, such as `node0`; ascending. Undefined, and a refusal, if it cannot be read. */
  numbered(folder: string, name: string): number[] | undefined {
    try {
      const pattern = new RegExp(`^${name}(\\d{1,5})$`);
      return readdirSync(join(this.#root, folder))
        .flatMap((entry) => pattern.exec(entry)?.[1] ?? [])
        .map(Number)
        .sort((a, b) => a - b);
    } catch (error) {
      this.#refuse(folder, error);
      return undefined;
    }
  }

  exists(path: string): boolean {
    return existsSync(join(this.#root, path));
  }

  refuse(path: string, code: string, reason: string): void {
    this.refusals.push({ operation: `read ${path}`, code, reason });
  }

  #read<T>(path: string, parse: (text: string) => T | undefined, mayBeMissing: boolean): T | undefined {
    let text: string;
    try {
      text = readFileSync(join(this.#root, path), 'utf8');
    } catch (error) {
      if (!mayBeMissing || (error as NodeJS.ErrnoException).code !== 'ENOENT') this.#refuse(path, error);
      return undefined;
    }
    const value = parse(text);
    if (value === undefined) this.refuse(path, 'INVALID', `not understood: ${JSON.stringify(text.slice(0, 60))}`);
    return value;
  }

  #refuse(path: string, error: unknown): void {
    const { code = 'UNKNOWN', message } = error as NodeJS.ErrnoException;
    this.refuse(path, code, message);
  }
}

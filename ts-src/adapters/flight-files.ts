/**
 * Files of flight records: their names, and how many of them stay in a directory. A file is made anew and for its owner only, because it holds the names of agents. Used by
 * `runtime/flight-dumps.ts`; `native/include/nexus/flight_dump.hpp` makes names of the same form.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const NAME = /^nexus-flight-\d+-(\d{8}T\d{9}Z)-[A-Za-z0-9]+(-\d+)?\.nxf$/;
/** For its owner only, and never over a file that is there. */
const NEW_FILE = { flag: 'wx', mode: 0o600 } as const;
/** Of records of the same millisecond, process and reason. */
const SAME_NAMES_MAX = 100;

/** `nexus-flight-4242-20261121T092220123Z-threadLost.nxf` */
export function flightFileName(pid: number, epochMs: number, reason: string): string {
  return `nexus-flight-${pid}-${new Date(epochMs).toISOString().replace(/[-:.]/g, '')}-${reason}.nxf`;
}

/** Deletes the oldest flight records of a directory, so that at most `filesMax` are left. What cannot be deleted stays. */
export function pruneFlightFiles(directory: string, filesMax: number): void {
  const found: { readonly name: string; readonly time: string }[] = [];
  for (const name of readdirSync(directory)) {
    const time = NAME.exec(name)?.[1];
    if (time !== undefined) found.push({ name, time });
  }
  found.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : a.name < b.name ? -1 : 1));
  for (const { name } of found.slice(0, Math.max(0, found.length - filesMax))) {
    try {
      rmSync(join(directory, name));
    } catch {
      // Of another user, or just deleted by another process.
    }
  }
}

/** The directory, if it was given by name, is made: where somebody is to look for the records of a crash, they shall be. */
export function prepareFlightDirectory(directory: string, filesMax: number): void {
  makeDirectory(directory);
  pruneFlightFiles(directory, filesMax);
}

/** Not with `recursive`: Node tries for ever where a file system says that there is no parent although there is one, as that of `/proc` does. */
function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'EEXIST') return;
    const parent = dirname(directory);
    if (code !== 'ENOENT' || existsSync(parent)) throw error;
    makeDirectory(parent);
    makeDirectory(directory);
  }
}

/** Writes before it returns. @returns the path */
export function writeFlightFileNow(directory: string, name: string, bytes: Uint8Array): string {
  for (let same = 0; ; same++) {
    const path = pathOf(directory, name, same);
    try {
      writeFileSync(path, bytes, NEW_FILE);
      return path;
    } catch (error) {
      if (!isTaken(error) || same >= SAME_NAMES_MAX) throw error;
    }
  }
}

/** @returns the path */
export async function writeFlightFile(directory: string, name: string, bytes: Uint8Array): Promise<string> {
  for (let same = 0; ; same++) {
    const path = pathOf(directory, name, same);
    try {
      await writeFile(path, bytes, NEW_FILE);
      return path;
    } catch (error) {
      if (!isTaken(error) || same >= SAME_NAMES_MAX) throw error;
    }
  }
}

function pathOf(directory: string, name: string, same: number): string {
  return join(directory, same === 0 ? name : name.replace(/\.nxf$/, `-${same}.nxf`));
}

function isTaken(error: unknown): boolean {
  return (error as { code?: string }).code === 'EEXIST';
}

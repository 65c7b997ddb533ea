/** Puts the files of a template into a folder that has none yet. It overwrites nothing: what fails half-way is taken back. */
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { harmless } from '../terminal-text.js';
import { CommandFailure } from '../command-failure.js';

/** What may be there before: whoever begins with `git init` means no harm. */
const ALLOWED = new Set(['.git']);
const LISTED_MAX = 8;

export interface ProjectNames {
  readonly project: string;
  /** Range of versions of nexus-agents. */
  readonly nexusVersion: string;
}

/** @throws CommandFailure if there is something in the way */
export function checkFolder(folder: string): void {
  let entries: string[];
  try {
    entries = readdirSync(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !isDangling(folder)) return;
    if (code === 'ENOTDIR') throw new CommandFailure(`${harmless(folder)} is a file, or something on the way to it is; give a folder`);
    throw new CommandFailure(`${harmless(folder)} cannot be used: ${harmless((error as Error).message)}`);
  }
  const inTheWay = entries.filter((entry) => !ALLOWED.has(entry)).sort();
  if (inTheWay.length === 0) return;
  const listed = inTheWay.slice(0, LISTED_MAX).map((entry) => harmless(entry));
  const more = inTheWay.length > LISTED_MAX ? ` and ${inTheWay.length - LISTED_MAX} more` : '';
  throw new CommandFailure(`${harmless(folder)} is not empty: there is ${listed.join(', ')}${more}. Give a new folder; nothing was changed`);
}

/** A link that leads nowhere: there is something, and it cannot be read. */
function isDangling(folder: string): boolean {
  return lstatSync(folder, { throwIfNoEntry: false }) !== undefined;
}

/** @returns the files, relative to the folder, sorted */
export function writeProject(template: string, folder: string, names: ProjectNames): readonly string[] {
  const files = readdirSync(template, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath ?? entry.path, entry.name)
        .slice(template.length)
        .replace(/^[/\\]/, ''),
    )
    .sort();
  const written: string[] = [];
  const made: string[] = [];
  try {
    for (const file of files) {
      const target = join(folder, nameInProject(file));
      makeFolder(dirname(target), made);
      writeFileSync(target, filled(readFileSync(join(template, file), 'utf8'), names), { flag: 'wx' });
      written.push(target);
    }
  } catch (error) {
    for (const file of written) rmSync(file, { force: true });
    for (const each of made.reverse()) rmdirSync(each);
    throw new CommandFailure(`the project could not be written: ${harmless((error as Error).message)}`);
  }
  return files.map(nameInProject);
}

/** With those above it. By hand: that of Node never returns where a file system says of a new entry that there is no such place, as /proc does. */
function makeFolder(folder: string, made: string[]): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder), made);
  mkdirSync(folder);
  made.push(folder);
}

/** npm leaves files of this name out of packages. */
function nameInProject(file: string): string {
  return file === 'gitignore' ? '.gitignore' : file;
}

function filled(text: string, { project, nexusVersion }: ProjectNames): string {
  return text.replaceAll('PROJECT_NAME', () => project).replaceAll('PACKAGE_VERSION', () => nexusVersion);
}

/** Whether the bare wake-ups can be compiled here, and the compiled module. Each process that measures compiles its own, in well under a second. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('./wake_up.cc', import.meta.url));
const COMPILER = process.env.CXX ?? 'g++';
const HEADERS = join(dirname(dirname(realpathSync(process.execPath))), 'include', 'node');

/** Undefined if there is all that it takes. */
export function whatIsMissing() {
  if (process.platform !== 'linux') return 'they are made of system calls of Linux';
  if (!existsSync(join(HEADERS, 'uv.h'))) return `the headers of Node are not in ${HEADERS}`;
  if (spawnSync(COMPILER, ['--version'], { stdio: 'ignore' }).status !== 0) return `${COMPILER} is not on PATH`;
  return undefined;
}

/** @returns {string} the path of the module; it lies in a folder of its own, which `removeWakeUps` removes */
export function buildWakeUps() {
  const path = join(mkdtempSync(join(tmpdir(), 'nexus-wake-up-')), 'wake_up.node');
  const { status, stderr, error } = spawnSync(COMPILER, ['-std=c++17', '-O2', '-fPIC', '-shared', '-pthread', '-I', HEADERS, SOURCE, '-o', path], {
    encoding: 'utf8',
  });
  if (status !== 0) throw error ?? new Error(`${COMPILER} ended with code ${status}: ${stderr}`);
  return path;
}

export function loadWakeUps(path) {
  return createRequire(import.meta.url)(path);
}

export function removeWakeUps(path) {
  rmSync(dirname(path), { recursive: true, force: true });
}

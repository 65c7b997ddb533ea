/**
 * Seeds known mistakes into copies of the lock-free headers and shows that the suite catches each: a mistake survives if the test that is named here does not fail.
 * A mistake whose text is no longer there is a failure, too. Called by run.sh with the folder of the objects of the explorer; alone it builds them first.
 */
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mistakes } from './mistakes-list.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../..');
const compiler = process.env.CXX ?? 'g++';
const only = process.argv[2];
const seconds = process.env.MISTAKE_SECONDS ?? '20';
const JOBS = 2;
const work = mkdtempSync(join(tmpdir(), 'nexus-mistakes-'));

/** Sources of the explorer: a mistake in a header is compiled into one of them, the others are compiled once. */
const sources = ['explore.cc', ...['explorer', 'scenarios'].flatMap((folder) => readdirSync(join(here, folder)).map((name) => `${folder}/${name}`))].filter(
  (name) => name.endsWith('.cc'),
);

function run(command, args, env = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('close', (status) => resolve({ status, output }));
    child.on('error', (error) => resolve({ status: -1, output: String(error) }));
  });
}

async function compile(folder, source, object) {
  const flags = ['-std=c++17', '-O2', '-fno-exceptions', `-I${join(root, 'layout/generated')}`, `-I${join(folder, 'include')}`];
  const { status, output } = await run(compiler, [...flags, '-c', join(folder, 'test', source), '-o', object]);
  if (status !== 0) throw new Error(`${source} does not compile: ${output.slice(0, 2000)}`);
}

function copySources(folder) {
  mkdirSync(join(folder, 'test'), { recursive: true });
  cpSync(join(root, 'native/include'), join(folder, 'include'), { recursive: true });
  for (const name of readdirSync(here))
    if (/^(explorer|scenarios)$|\.(hpp|cc)$/.test(name)) cpSync(join(here, name), join(folder, 'test', name), { recursive: true });
}

/** Replaces exactly one occurrence, or says that the text is gone. */
function seed(folder, { file, from, to }) {
  const path = join(folder, file);
  const text = readFileSync(path, 'utf8');
  const parts = text.split(from);
  if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times the text that this mistake replaces`);
  writeFileSync(path, parts.join(to));
}

const objectOf = (source) => join(work, `${basename(source, '.cc')}.o`);

async function check(mistake, index) {
  const folder = join(work, `mistake-${index}`);
  copySources(folder);
  for (const change of mistake.changes) seed(folder, change);
  const object = join(folder, 'changed.o');
  await compile(folder, mistake.source, object);
  const program = join(folder, 'explore');
  const linked = await run(compiler, [...sources.map((source) => (source === mistake.source ? object : objectOf(source))), '-o', program]);
  if (linked.status !== 0) throw new Error(linked.output.slice(0, 2000));
  const { output } = await run(program, ['--only', mistake.caughtBy], { EXPLORE_SECONDS: seconds });
  rmSync(folder, { recursive: true });
  if (process.env.VERBOSE) console.log(output);
  if (!output.includes(`FAIL ${mistake.caughtBy}\n`)) throw new Error(`survives '${mistake.caughtBy}'\n${output.slice(-400)}`);
  return /FAIL .*\n# (.*)/.exec(output)?.[1] ?? '';
}

/** Runs the tasks a few at a time, in order. */
async function each(items, task) {
  const queue = items.entries();
  await Promise.all(
    Array.from({ length: JOBS }, async () => {
      for (const [index, item] of queue) await task(item, index);
    }),
  );
}

let failed = 0;
try {
  const folder = join(work, 'whole');
  copySources(folder);
  await each(sources, (source) => compile(folder, source, objectOf(source)));
  const chosen = mistakes.filter(({ name }) => only === undefined || name.startsWith(only));
  const lines = [];
  await each(chosen, async (mistake, index) => {
    try {
      lines[index] = `# ${await check(mistake, index)}\npass mistake caught: ${mistake.name}`;
    } catch (error) {
      failed++;
      lines[index] = `FAIL mistake caught: ${mistake.name}: ${error.message}`;
    }
  });
  console.log(lines.join('\n'));
} catch (error) {
  failed++;
  console.log(`FAIL mistakes: ${error.message}`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.exitCode = failed === 0 ? 0 : 1;

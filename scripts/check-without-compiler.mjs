/** The promise that nothing but Node is needed: a copy of the committed tree, with a PATH that has no compiler, builds, says so once, and runs its tests' core. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), 'nexus-bare-'));
try {
  const clone = join(folder, 'clone');
  execFileSync('git', ['clone', '--quiet', '--depth', '1', `file://${root}`, clone]);
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  for (const tool of ['sh', 'git', 'env', 'bash', 'uname']) {
    const found = spawnSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).stdout.trim();
    if (found !== '') symlinkSync(found, join(bin, tool));
  }
  symlinkSync(process.execPath, join(bin, 'node'));
  const npm = spawnSync('sh', ['-c', 'readlink -f "$(command -v npm)"'], { encoding: 'utf8' }).stdout.trim();
  const env = { ...process.env, PATH: bin };
  const run = (parameters) => spawnSync(process.execPath, parameters, { cwd: clone, env, encoding: 'utf8', timeout: 600_000 });
  const installed = run([npm, 'ci', '--no-audit', '--no-fund', '--foreground-scripts']);
  const said = `${installed.stdout}${installed.stderr}`;
  if (installed.status !== 0) throw new Error(`npm ci failed without a compiler:\n${said}`);
  const notices = said.split('\n').filter((line) => line.startsWith('nexus: native engine not built'));
  if (notices.length !== 1) throw new Error(`expected one notice about the native engine, got ${notices.length}:\n${said}`);
  console.log(notices[0]);
  const demo = run([npm, 'run', '--silent', 'demo', '--', '--duration', '2', '--clients', '2000', '--json']);
  if (demo.status !== 0) throw new Error(`the demo failed without a compiler:\n${demo.stdout}${demo.stderr}`);
  const tests = run([npm, 'test', '--', 'test/integration/agents.test.ts', 'test/conformance']);
  if (tests.status !== 0) throw new Error(`tests failed without a compiler:\n${tests.stdout}${tests.stderr}`);
  console.log('npm ci, npm run demo and the core tests pass on the WebAssembly engine');
} finally {
  rmSync(folder, { recursive: true, force: true });
}

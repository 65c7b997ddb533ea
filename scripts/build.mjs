/**
 * Builds the package: TypeScript into `dist/`, the native engine into `build/Release/nexus.node`. The native part is optional: without a C++
 * toolchain everything runs on the WebAssembly engine, and this script says so once. `--quiet` prints only what went wrong. `--no-native` skips it.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildWasm } from '../wasm/build.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const quiet = process.argv.includes('--quiet');
const require = createRequire(import.meta.url);
const log = (text) => {
  if (!quiet) console.log(text);
};

const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
// Node.js and the browser are two worlds: the page of the console has a program of its own.
for (const program of ['tsconfig.json', 'ts-src/console/page/tsconfig.json']) {
  const compiled = spawnSync(process.execPath, [tsc, '-p', join(root, program)], { cwd: root, stdio: 'inherit' });
  if (compiled.status !== 0) process.exit(compiled.status ?? 1);
}
copyPage();
log('built dist/');
if (await buildWasm()) log('built the WebAssembly engine');

if (!process.argv.includes('--no-native')) buildNative();

/** What the page of the console is made of beside its modules. */
function copyPage() {
  const [from, to] = ['ts-src/console/page', 'dist/ts-src/console/page'].map((folder) => join(root, folder));
  for (const name of readdirSync(from)) if (/\.(html|css|svg)$/.test(name)) copyFileSync(join(from, name), join(to, name));
}

/** Everything the binary is made of; it is rebuilt when one of them is newer, or when it was built for another platform. */
function inputs() {
  const files = [join(root, 'binding.gyp'), join(root, 'layout/generated/layout.hpp')];
  for (const folder of ['native/include', 'native/napi', 'numa/include']) collect(join(root, folder), files);
  return files.filter((file) => existsSync(file));
}

function collect(folder, files) {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) collect(path, files);
    else files.push(path);
  }
}

function buildNative() {
  const binary = join(root, 'build/Release/nexus.node');
  const stamp = join(root, 'build/failed.json');
  if (!existsSync(join(root, 'binding.gyp'))) return;
  const newest = Math.max(...inputs().map((file) => statSync(file).mtimeMs));
  if (existsSync(binary) && statSync(binary).mtimeMs > newest) return log('native engine is up to date');
  // A failed build is not tried again by every command, only when the sources or the search path changed.
  const key = JSON.stringify({ newest, path: process.env.PATH, node: process.version });
  if (quiet && existsSync(stamp) && readFileSync(stamp, 'utf8') === key) return;
  let nodeGyp;
  try {
    nodeGyp = require.resolve('node-gyp/bin/node-gyp.js');
  } catch {
    return console.warn('nexus: native engine not built: node-gyp is not installed. The WebAssembly engine will run.');
  }
  const options = ['rebuild', '--loglevel=error'];
  const prefix = dirname(dirname(process.execPath));
  // Headers that came with this Node spare a download.
  if (existsSync(join(prefix, 'include/node/node_api.h'))) options.push(`--nodedir=${prefix}`);
  const built = spawnSync(process.execPath, [nodeGyp, ...options], { cwd: root, encoding: 'utf8', timeout: 300_000 });
  if (built.status === 0 && existsSync(binary)) return log('built the native engine');
  mkdirSync(join(root, 'build'), { recursive: true });
  writeFileSync(stamp, key);
  const lines = `${built.stdout ?? ''}${built.stderr ?? ''}${built.error ? String(built.error) : ''}`.trim().split('\n');
  const reason =
    lines.find((line) => /not found|No such file|Could not find|error:|ENOTFOUND|EAI_AGAIN|make: /i.test(line)) ??
    (lines[lines.length - 1] || 'node-gyp did not say why');
  console.warn(
    `nexus: native engine not built (${reason
      .replace(/^gyp ERR! (stack )?(Error: )?/, '')
      .trim()
      .slice(
        0,
        200,
      )}). The WebAssembly engine will run: everything works, waking a parked thread is slower. For the native one install a C++17 compiler, make and Python 3, then: npm run build`,
  );
}

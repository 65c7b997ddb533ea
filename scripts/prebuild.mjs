/**
 * Builds the binaries that travel in the tarball: `prebuilds/linux-x64` and `prebuilds/linux-arm64` (glibc). Node-API is stable over Node versions, so
 * one binary serves all of them. Runs before `npm pack`; `--clean` removes them after it, so that a checkout always loads what was built from its sources.
 * A platform whose compiler is missing is left out and named; `--require-all` makes that an error.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const TARGETS = [
  { platform: 'linux-x64', compilers: process.arch === 'x64' ? ['g++', 'x86_64-linux-gnu-g++'] : ['x86_64-linux-gnu-g++'], flags: ['-march=x86-64-v2'] },
  {
    platform: 'linux-arm64',
    compilers: process.arch === 'arm64' ? ['g++', 'aarch64-linux-gnu-g++'] : ['aarch64-linux-gnu-g++'],
    flags: ['-march=armv8-a', '-moutline-atomics'],
  },
];

if (process.argv.includes('--clean')) {
  rmSync(join(root, 'prebuilds'), { recursive: true, force: true });
  process.exit(0);
}

// binding.gyp is the one list of sources; it is JSON with comments.
const gyp = JSON.parse(readFileSync(join(root, 'binding.gyp'), 'utf8').replace(/^\s*#.*$/gm, ''));
const target = gyp.targets[0];
const headers = [join(dirname(dirname(process.execPath)), 'include/node'), process.env.NODE_HEADERS ?? ''].find((folder) =>
  existsSync(join(folder, 'node_api.h')),
);
if (headers === undefined) fail('the headers of Node were not found beside the running Node; set NODE_HEADERS to the folder of node_api.h');

const missing = [];
for (const { platform, compilers, flags } of TARGETS) {
  const compiler = compilers.find((name) => spawnSync(name, ['--version']).status === 0);
  if (compiler === undefined) {
    missing.push(platform);
    console.warn(`nexus: no binary for ${platform}: none of ${compilers.join(', ')} is installed`);
    continue;
  }
  const output = join(root, 'prebuilds', platform, 'nexus.node');
  mkdirSync(dirname(output), { recursive: true });
  const parameters = [
    ...['-shared', '-fPIC', '-s', '-static-libgcc', '-Wl,-z,nodelete', '-Wl,--gc-sections', '-ffunction-sections'],
    ...target.cflags,
    ...target.cflags_cc,
    ...flags,
    ...target.defines.map((define) => `-D${define}`),
    '-DBUILDING_NODE_EXTENSION',
    '-DNODE_GYP_MODULE_NAME=nexus',
    ...target.include_dirs.map((folder) => `-I${join(root, folder)}`),
    `-I${headers}`,
    ...target.sources.map((source) => join(root, source)),
    '-o',
    output,
  ];
  const compiled = spawnSync(compiler, parameters, { encoding: 'utf8' });
  if (compiled.status !== 0) fail(`${platform}: ${compiled.stderr}`);
  console.log(`prebuilds/${platform}/nexus.node: ${statSync(output).size} bytes`);
}
if (missing.length > 0 && process.argv.includes('--require-all')) fail(`no binary for ${missing.join(', ')}`);

function fail(message) {
  console.error(`nexus: ${message}`);
  process.exit(1);
}

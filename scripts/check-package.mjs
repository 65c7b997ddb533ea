/**
 * Packs the package and uses it as a stranger would: into an empty project, without install scripts, from ESM and from require. Fails if the tarball holds
 * what users do not need, or lacks what they do.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), 'nexus-package-'));
const run = (command, parameters, cwd) => execFileSync(command, parameters, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

try {
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root));
  const files = packed.files.map(({ path }) => path);
  const unwanted = files.filter((file) => /^(test|bench|examples|native|scripts|ts-src|bindings|layout|node_modules|\.ci)\//.test(file) || /tsbuildinfo|\.test\./.test(file));
  if (unwanted.length > 0) throw new Error(`the tarball holds ${unwanted.join(', ')}`);
  for (const needed of ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'dist/ts-src/index.js', 'dist/ts-src/index.d.ts', 'dist/ts-src/cli/nexus.js', 'dist/ts-src/runtime/worker-main.js']) {
    if (!files.includes(needed)) throw new Error(`the tarball lacks ${needed}`);
  }
  const { messages, pkg } = await publint({ pkgDir: root, level: 'warning' });
  if (messages.length > 0) throw new Error(messages.map((message) => formatMessage(message, pkg)).join('\n'));

  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'stranger', private: true, type: 'module' }));
  run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', join(folder, packed.filename)], folder);
  writeFileSync(
    join(folder, 'agent.js'),
    `import { defineAgent } from 'nexus-agents';\nexport const Echo = defineAgent({ kind: 'echo', state: () => ({}), actions: { echo: (_state, input) => input } });\n`,
  );
  const main = (load, base) =>
    `${load}\n(async () => {\n  const { Echo } = await import('./agent.js');\n  const nexus = await createNexus({ agents: [new URL('./agent.js', ${base})], threads: 1 });\n` +
    `  const ref = await nexus.spawn(Echo, { id: 'e' });\n  const reply = await ref.ask('echo', new Map([[1, 2n]]));\n  if (reply.get(1) !== 2n) throw new Error('wrong reply');\n` +
    `  await nexus.stop();\n  console.log('ok', nexus.engine.kind);\n})();\n`;
  writeFileSync(join(folder, 'main.js'), main(`import { createNexus } from 'nexus-agents';`, 'import.meta.url'));
  writeFileSync(join(folder, 'main.cjs'), main(`const { createNexus } = require('nexus-agents');`, `require('node:url').pathToFileURL(__filename)`));
  for (const file of ['main.js', 'main.cjs']) {
    const printed = run(process.execPath, [file], folder);
    if (!printed.includes('ok')) throw new Error(`${file} printed ${printed}`);
    console.log(`${file}: ${printed.trim()}`);
  }
  console.log(`1 package of ${files.length} files, ${packed.size} bytes packed`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

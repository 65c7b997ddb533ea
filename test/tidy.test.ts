/**
 * The rules of the source that a machine can check: which folder may import which, calls that only adapters may make, file size, leftovers,
 * generated files. It reads text; it runs nothing of the project.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' }).split('\n').filter(Boolean);
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const isSource = (file: string): boolean => /\.(ts|mjs|cc|hpp)$/.test(file) && !file.includes('/generated/');
const sources = tracked.filter((file) => /^(ts-src|bindings|layout\/generated)\/.*\.ts$/.test(file));

/** Folder → folders it may import. Everything may import errors.ts and the generated layout; nothing may import what is not listed. */
const IMPORTS: Readonly<Record<string, readonly string[]>> = {
  'layout/generated': [],
  'ts-src/errors.ts': [],
  'ts-src/model': ['layout/generated', 'ts-src/errors.ts'],
  'ts-src/ports': ['ts-src/model'],
  'ts-src/codec': ['ts-src/errors.ts', 'ts-src/model'],
  bindings: ['layout/generated', 'ts-src/errors.ts', 'ts-src/model', 'ts-src/ports'],
  'ts-src/resilience/machines': ['ts-src/errors.ts', 'ts-src/model'],
  'ts-src/resilience': ['ts-src/errors.ts', 'ts-src/model', 'ts-src/ports', 'ts-src/resilience/machines'],
  'ts-src/intelligence': ['ts-src/errors.ts', 'ts-src/model'],
  'ts-src/define-agent.ts': ['ts-src/intelligence', 'ts-src/model'],
  'ts-src/sensors': ['ts-src/errors.ts', 'ts-src/model', 'ts-src/ports', 'ts-src/adapters'],
  'ts-src/routing': [],
  'ts-src/runtime': [
    'layout/generated',
    'bindings',
    'ts-src/errors.ts',
    'ts-src/model',
    'ts-src/ports',
    'ts-src/codec',
    'ts-src/routing',
    'ts-src/adapters',
    'ts-src/flight',
  ],
  'ts-src/adapters': ['ts-src/errors.ts', 'ts-src/model', 'ts-src/ports', 'ts-src/nexus.ts'],
  'ts-src/protocols': ['ts-src/errors.ts', 'ts-src/model'],
  'ts-src/protocols/membership': ['ts-src/errors.ts', 'ts-src/model', 'ts-src/ports', 'ts-src/protocols'],
  'ts-src/protocols/registry': ['ts-src/errors.ts', 'ts-src/model', 'ts-src/protocols', 'ts-src/routing/text-hash.ts'],
  // Messages are values of the codec on their way.
  'ts-src/protocols/copies': ['ts-src/errors.ts', 'ts-src/model', 'ts-src/ports', 'ts-src/protocols/registry'],
  'ts-src/protocols/wire': ['ts-src/errors.ts', 'ts-src/model', 'ts-src/codec', 'ts-src/ports', 'ts-src/protocols/bytes'],
  'ts-src/cluster': [
    'layout/generated',
    'bindings',
    'ts-src/errors.ts',
    'ts-src/model',
    'ts-src/ports',
    'ts-src/codec',
    'ts-src/protocols',
    'ts-src/runtime',
    'ts-src/adapters',
  ],
  'ts-src/options.ts': ['ts-src/errors.ts', 'ts-src/model', 'ts-src/ports', 'ts-src/cluster/resolve-cluster-options.ts'],
  'ts-src/nexus.ts': [
    'layout/generated',
    'bindings',
    'ts-src/errors.ts',
    'ts-src/model',
    'ts-src/ports',
    'ts-src/runtime',
    'ts-src/cluster/cluster.ts',
    'ts-src/cluster/node-parts.ts',
    'ts-src/cluster/moves/drain.ts',
  ],
  'ts-src/create-nexus.ts': [
    'layout/generated',
    'bindings',
    'ts-src/errors.ts',
    'ts-src/model',
    'ts-src/ports',
    'ts-src/runtime',
    'ts-src/adapters',
    'ts-src/cluster',
    'ts-src/options.ts',
    'ts-src/nexus.ts',
  ],
  'ts-src/telemetry': ['ts-src/errors.ts', 'ts-src/model', 'ts-src/ports', 'ts-src/adapters', 'ts-src/nexus.ts'],
  'ts-src/flight': ['layout/generated', 'ts-src/errors.ts', 'ts-src/model'],
  'ts-src/console/page': ['ts-src/model', 'ts-src/console/protocol.ts'],
  'ts-src/console': ['ts-src/errors.ts', 'ts-src/model', 'ts-src/ports', 'ts-src/adapters', 'ts-src/nexus.ts', 'ts-src/gateway'],
  'ts-src/gateway': ['ts-src/errors.ts', 'ts-src/model', 'ts-src/ports', 'ts-src/adapters', 'ts-src/nexus.ts', 'ts-src/console'],
  'ts-src/error-catalogue': ['ts-src/errors.ts', 'ts-src/gateway/gateway-error.ts', 'ts-src/gateway/error-answer.ts'],
  'ts-src/cli': [
    'ts-src/error-catalogue',
    'ts-src/errors.ts',
    'ts-src/model',
    'ts-src/ports',
    'ts-src/adapters',
    'ts-src/nexus.ts',
    'ts-src/options.ts',
    'ts-src/create-nexus.ts',
    'ts-src/gateway',
    'ts-src/flight',
    'ts-src/testing/simulation',
    'ts-src/testing/linearizability',
    'ts-src/define-agent.ts',
    'ts-src/protocols/wire/handshake-messages.ts',
    'ts-src/console/console-options.ts',
    'ts-src/console/protocol.ts',
    'ts-src/cluster/cluster.ts',
    'ts-src/cluster/resolve-cluster-options.ts',
    'ts-src/cluster/stall-lines.ts',
    'bindings/host-topology.ts',
  ],
  // A checker and its models: nothing of the runtime.
  'ts-src/testing/linearizability': ['ts-src/errors.ts', 'ts-src/model'],
  'ts-src/testing': [
    'ts-src/testing/linearizability',
    'bindings',
    'ts-src/adapters/memory-storage.ts',
    'ts-src/errors.ts',
    'ts-src/model',
    'ts-src/ports',
    'ts-src/adapters/stored-names.ts',
    'ts-src/adapters/stored-versions.ts',
    'ts-src/runtime',
    'ts-src/options.ts',
    'ts-src/nexus.ts',
    'ts-src/create-nexus.ts',
    'ts-src/protocols',
    'ts-src/cluster',
  ],
  'ts-src/index.ts': ['ts-src', 'bindings/placement.ts'],
};

/** Only a worker's entry joins the runtime to a clock and a meter of the machine, and only what makes policies joins them to one. */
const EXCEPTIONS = new Set([
  'ts-src/runtime/worker-main.ts → ts-src/adapters/system-clock.ts',
  'ts-src/runtime/worker-main.ts → ts-src/adapters/node-load-meter.ts',
  'ts-src/resilience/create-policies.ts → ts-src/adapters/system-clock.ts',
]);

function folderOf(file: string): string {
  const names = Object.keys(IMPORTS).filter((name) => file === name || file.startsWith(`${name}/`));
  return names.sort((a, b) => b.length - a.length)[0] ?? '';
}

function importsOf(file: string): { readonly target: string; readonly typeOnly: boolean }[] {
  const found: { target: string; typeOnly: boolean }[] = [];
  for (const match of read(file).matchAll(/^(import|export)\s+(type\s)?[^;]*?from\s+'(\.[^']+)'/gms)) {
    found.push({ target: normalize(join(dirname(file), match[3] as string)).replace(/\.js$/, '.ts'), typeOnly: match[2] !== undefined });
  }
  return found;
}

test('every folder imports only what the table allows', () => {
  const wrong: string[] = [];
  for (const file of sources) {
    const folder = folderOf(file);
    expect(folder, `${file} is in no folder of the table: add it, with what it may import`).not.toBe('');
    for (const { target } of importsOf(file)) {
      const allowed = folderOf(target) === folder || (IMPORTS[folder] as readonly string[]).some((name) => target === name || target.startsWith(`${name}/`));
      if (!allowed && !EXCEPTIONS.has(`${file} → ${target}`)) wrong.push(`${file} → ${target}`);
    }
  }
  expect(wrong).toEqual([]);
});

test('no module imports itself through others at run time', () => {
  const graph = new Map(
    sources.map((file) => [
      file,
      importsOf(file)
        .filter(({ typeOnly }) => !typeOnly)
        .map(({ target }) => target),
    ]),
  );
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) throw new Error(`cycle: ${[...path.slice(path.indexOf(file)), file].join(' → ')}`);
    if (done.has(file)) return;
    for (const target of graph.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of sources) visit(file, []);
});

test('time, chance and timers come from outside in everything that decides', () => {
  const pure = sources.filter(
    (file) => /^ts-src\/(model|codec|ports|routing|resilience|intelligence|sensors|protocols)\//.test(file) && file !== 'ts-src/resilience/create-policies.ts',
  );
  const wrong = pure.filter((file) =>
    /\b(Date\.now|Math\.random|performance\.now|setTimeout|setInterval|setImmediate|process\.)\b/.test(withoutComments(read(file))),
  );
  expect(wrong).toEqual([]);
  const timed = sources.filter(
    (file) => file.startsWith('ts-src/runtime/') && /\b(Date\.now|Math\.random|performance\.now|setTimeout|setInterval)\(/.test(withoutComments(read(file))),
  );
  expect(timed).toEqual([]);
});

test('a browser can load the page of the console: nothing but types comes from outside of its folder', () => {
  const files = sources.filter((file) => file.startsWith('ts-src/console/page/'));
  const wrong = files.flatMap((file) =>
    importsOf(file).flatMap(({ target, typeOnly }) => (typeOnly || target.startsWith('ts-src/console/page/') ? [] : [`${file} → ${target}`])),
  );
  expect([files.length > 10, wrong]).toEqual([true, []]);
});

test('only bindings/ loads native code', () => {
  const wrong = sources.filter(
    (file) => !file.startsWith('bindings/') && /(?<!cluster)\.node['"`]|createRequire|process\.dlopen/.test(withoutComments(read(file))),
  );
  expect(wrong).toEqual([]);
});

test('only the N-API folder sees headers of Node', () => {
  const wrong = tracked.filter((file) => /^native\/(include|test)\//.test(file) && /#include\s+[<"](node_api|js_native_api|uv|v8)/.test(read(file)));
  expect(wrong).toEqual([]);
});

test('no file is longer than 500 lines', () => {
  const long = tracked
    .filter(isSource)
    .map((file) => [file, read(file).split('\n').length] as const)
    .filter(([, lines]) => lines > 500);
  expect(long).toEqual([]);
});

test('nothing is left unfinished', () => {
  const marks = new RegExp(`\\b(${['TO', 'FIX', 'XX'].map((start, index) => start + ['DO', 'ME', 'X'][index]).join('|')})\\b`);
  const wrong = tracked
    .filter(isSource)
    .filter((file) => marks.test(read(file)) || /\b(describe|test|it)\.only\(/.test(read(file)) || /catch *(\([^)]*\))? *\{ *\}/.test(read(file)));
  expect(wrong).toEqual([]);
});

test('every file starts with what it is', () => {
  const wrong = sources.filter((file) => !file.includes('/generated/')).filter((file) => !/^(#!.*\n)?\s*\/\*\*/.test(read(file)));
  expect(wrong).toEqual([]);
});

test('the generated layout is that of the schema', () => {
  execFileSync(process.execPath, [join(root, 'layout/generate.mjs'), '--check'], { cwd: root });
});

test('names of files say what they define', () => {
  const wrong = tracked
    .filter(isSource)
    .filter((file) => /(^|[/-])(utils?|helpers?|common|misc|base|managers?)(\.|-|$)/.test(relative('.', file).split('/').pop() as string));
  expect(wrong).toEqual([]);
});

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '');
}

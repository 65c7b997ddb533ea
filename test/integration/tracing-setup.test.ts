/** What a nexus says where it cannot trace: no package, no SDK, wrong options. No SDK is set up in this process. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineAgent } from 'nexus-agents';
import { expect, onTestFinished, test } from 'vitest';
import { failureOf, fixture, recorder, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const Counter = defineAgent({ kind: 'plain-counter', state: () => ({ n: 0 }), actions: { add: (state) => ++state.n } });

test('without the package @opentelemetry/api a nexus runs, and one with tracing says what is missing', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-no-api-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(join(root, 'dist'), join(folder, 'dist'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "version": "0.0.0" }');
  const script = `
    import { createNexus } from './dist/ts-src/index.js';
    import './dist/ts-src/telemetry/index.js';
    const nexus = await createNexus({ agents: [], threads: 0, logger: { debug() {}, info() {}, warn() {}, error() {} } });
    await nexus.stop();
    const { code, message } = await createNexus({ agents: [], threads: 0, tracing: {} }).catch((error) => error);
    console.log(JSON.stringify({ code, message }));`;
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], { cwd: folder, encoding: 'utf8', stdio: 'pipe', timeout: 30_000 });
  const { code, message } = JSON.parse(said) as { code: string; message: string };
  expect(code).toBe('NEXUS_TRACING_UNAVAILABLE');
  expect(message).toContain('npm install @opentelemetry/api');
});

test('a thread that traces without an SDK says so once, and its messages are handled as ever', async () => {
  const logger = recorder();
  const nexus = await startNexus({ agents: [fixture('counter.mjs'), Counter], threads: 1, tracing: { ratio: 1 }, logger });
  const counter = await nexus.spawn(Counter);
  expect(await Promise.all([counter.ask('add'), counter.ask('add')])).toEqual([1, 2]);
  const warned = (): unknown[] =>
    logger.lines.filter(({ level, message }) => level === 'warn' && message.includes('no OpenTelemetry SDK')).map(({ data }) => data['thread']);
  await until(() => warned().length === 2);
  expect(warned().sort()).toEqual([0, 1]);
});

test('mistakes in the option tracing are refused by name', async () => {
  const refusalOf = async (tracing: unknown): Promise<string> =>
    (await failureOf(startNexus({ agents: [], threads: 0, tracing: tracing as never })))?.message ?? 'none';
  expect(await refusalOf({ ratio: 1.5 })).toContain('tracing.ratio: is 1.5; it must be from 0 to 1');
  expect(await refusalOf({ tracesPerSecondMax: 0.5 })).toContain('tracing.tracesPerSecondMax: is 0.5');
  expect(await refusalOf({ rati: 1 })).toContain("did you mean 'ratio'?");
  expect(await refusalOf(true)).toContain('tracing: expected an object of options');
});

/** The examples of `docs/telemetry.md` run as the page says, in a project of their own; the traced one against a real receiver of OTLP. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { otlpReceiver } from '../otlp-receiver.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(root, 'docs/telemetry.md'), 'utf8');
const files = [...page.matchAll(/```js\n\/\/ (\S+)\n([\s\S]*?)```\n(?:\n```\n([\s\S]*?)```)?/g)];

function project(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-telemetry-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [, name, text] of files) writeFileSync(join(folder, name as string), text as string);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/nexus-agents'));
  for (const name of ['@opentelemetry', 'pino']) symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  return folder;
}

test('the page has the files that its examples are made of', () => {
  expect(files.map(([, name]) => name)).toEqual(['events.js', 'tracing.js', 'shop.js', 'main.js', 'logging.js']);
});

test.for(['events.js', 'logging.js'])('the example %s of the page on telemetry prints what the page says', (name) => {
  const said = files.find(([, file]) => file === name)?.[3];
  expect(execFileSync(process.execPath, [name], { cwd: project(), encoding: 'utf8', stdio: 'pipe', timeout: 30_000 })).toBe(said);
});

test.for([[], ['--import', './tracing.js']])('the traced example of the page sends the trace that the page describes: node %s', async (flags) => {
  const receiver = await otlpReceiver();
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [...flags, 'main.js'], {
    cwd: project(),
    timeout: 30_000,
    env: { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: new URL('/', receiver.url).href },
  });
  const traceId = /^left: 7\ntrace: ([0-9a-f]{32})\n$/.exec(stdout)?.[1] as string;
  const spans = await receiver.spansOf(traceId, 4);
  const idOf = (name: string): string | undefined => spans.find((span) => span.name === name)?.spanId;
  const shown = spans.map(({ name, parentSpanId, attributes }) => [
    name,
    parentSpanId,
    attributes['nexus.thread'] === undefined ? '' : Number(attributes['nexus.thread']),
  ]);
  expect(shown.sort()).toEqual([
    ['checkout', undefined, ''],
    ['order place', idOf('checkout'), 1],
    ['order remind', idOf('order place'), 1],
    ['stock take', idOf('order place'), 2],
  ]);
  const line = JSON.parse(stderr.trim().split('\n')[0] as string) as Record<string, unknown>;
  expect(line).toMatchObject({ agent: 'order-1', kind: 'order', thread: 1, trace_id: traceId, span_id: idOf('order remind') });
});

test('the limits on the page are those of the code', async () => {
  const { TRACE_HOPS_MAX } = (await import('../../dist/ts-src/model/message-trace.js')) as typeof import('../../dist/ts-src/model/message-trace.js');
  const { resolveTracing } = (await import('../../dist/ts-src/model/tracing-options.js')) as typeof import('../../dist/ts-src/model/tracing-options.js');
  expect(page).toContain(`ends after ${TRACE_HOPS_MAX.toLocaleString('en-US')} messages`);
  const defaults = resolveTracing({});
  expect(page).toContain(`| \`tracing.ratio\` | ${defaults?.ratio} |`);
  expect(page).toContain(`| \`tracing.tracesPerSecondMax\` | ${defaults?.tracesPerSecondMax} |`);
});

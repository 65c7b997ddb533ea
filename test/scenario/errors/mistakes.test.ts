/**
 * Common mistakes, and what who makes them reads. A block of `mistakes.txt` is code, and below `----` the error it ends with: code, message, data. The test runs the code and
 * compares the whole text; `npx vitest run test/scenario -u` writes it anew, to be read before it is kept: does it say what happened, where, why, and what to do?
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as nexusAgents from 'nexus-agents';
import * as gateway from 'nexus-agents/gateway';
import * as resilience from 'nexus-agents/resilience';
import * as testing from 'nexus-agents/testing';
import { expect, test } from 'vitest';
import { fixture, recorder, startNexus } from '../../start-nexus.js';

const file = new URL('./mistakes.txt', import.meta.url);
const root = fileURLToPath(new URL('../../../', import.meta.url));
const { defineAgent, shape } = nexusAgents;

const Counter = defineAgent({
  kind: 'counter',
  state: (init?: { start?: number }) => ({ count: init?.start ?? 0 }),
  actions: {
    add: (state, by: number) => (state.count += by),
    read: (state) => state.count,
    slow: { concurrent: true, handler: () => new Promise<void>(() => undefined) },
    wait: () => new Promise<void>(() => undefined),
    fail: () => {
      throw new RangeError('the account is empty');
    },
    typed: { input: shape.uint32, handler: () => 0 },
  },
  mailbox: { capacity: 2 },
});
const Failing = defineAgent({
  kind: 'failing',
  state: (): number => {
    throw new Error('no such customer');
  },
  actions: {},
});

test('mistakes.txt', async () => {
  const nexus = await startNexus({ agents: [Counter, Failing, fixture('members.mjs')], threads: 1 });
  const counter = await nexus.spawn(Counter, { id: 'c1', thread: 0 });
  const names = { ...nexusAgents, ...gateway, ...resilience, ...testing, nexus, counter, Counter, Failing, logger: recorder(), root, fixture };
  const AsyncFunction = (async () => undefined).constructor as new (...parts: string[]) => (...values: unknown[]) => Promise<unknown>;
  const blocks: string[] = [];
  for (const block of readFileSync(file, 'utf8').trimEnd().split('\n\n')) {
    const [code = ''] = block.split('\n----');
    if (code.startsWith('#')) {
      blocks.push(code);
      continue;
    }
    const run = new AsyncFunction(...Object.keys(names), code);
    blocks.push(`${code}\n----\n${await outcome(run(...Object.values(names)))}`);
  }
  await expect(`${blocks.join('\n\n')}\n`).toMatchFileSnapshot(fileURLToPath(file));
});

async function outcome(running: Promise<unknown>): Promise<string> {
  try {
    return `no error: ${JSON.stringify(await running)}`;
  } catch (thrown) {
    const { name, code, message, data } = thrown as Error & { code?: string; data?: object };
    const lines = [`${code ?? name}: ${message}`];
    if (data !== undefined) lines.push(`data: ${JSON.stringify(data)}`);
    return lines.map((line) => line.replaceAll(root, '/app/').replace(/\n\s+at .*/g, '')).join('\n');
  }
}

/** How two processes that share memory wake each other: with pauses of all lengths between their frames, on two processors and on one, no wake-up is lost, none keeps its process awake, and who waits does not wait for more than the answer. */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { unavailableBecause } from './same-host-peers.js';

const onSharedMemory = test.skipIf(unavailableBecause !== undefined);
const canPin = process.platform === 'linux' && spawnSync('taskset', ['--version'], { stdio: 'ignore' }).status === 0;
const onOneProcessor = test.skipIf(unavailableBecause !== undefined || !canPin);
const MODULE = fileURLToPath(new URL('../../fixtures/link-rounds.mjs', import.meta.url));
const ROUNDS = Number(process.env['SAME_HOST_ROUNDS'] ?? 1_500);
let names = 0;

interface Seen {
  readonly wrong: number;
  /** Answers that came before their sender had done what it did afterwards. */
  readonly before: number;
  /** Of both, afterwards. */
  readonly idle: readonly number[];
}

async function converse(options: { readonly rounds: number; readonly spinMicroseconds: number; readonly afterMs?: number }, onOne: boolean): Promise<Seen> {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
  const name = `nexus-rounds-${process.pid}-${names++}`;
  const start = (does: string) => {
    const told = { ...options, ...(onOne ? { processor: firstProcessor() } : {}), does, name, seed };
    const child = spawn(process.execPath, [MODULE, JSON.stringify(told)], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    return child;
  };
  const asking = start('ask');
  let said = '';
  asking.stdout?.on('data', (chunk) => {
    said += chunk;
  });
  await once(asking, 'message');
  start('answer');
  // A wake-up that is lost is an end that does not come.
  await once(asking, 'close');
  expect(said, `seed ${seed}`).not.toBe('');
  return JSON.parse(said);
}

function firstProcessor(): string {
  return /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] as string;
}

const expectRestful = ({ wrong, idle }: Seen): void => {
  expect(wrong).toBe(0);
  // A wake-up that nobody reads makes every poll return at once.
  for (const part of idle) expect(part).toBeGreaterThan(0.5);
};

for (const spinMicroseconds of [0, 20]) {
  onSharedMemory(
    `no wake-up is lost between busy and parked processes, which sleep afterwards; they look for ${spinMicroseconds} µs`,
    { timeout: 60_000 },
    async () => {
      expectRestful(await converse({ rounds: ROUNDS, spinMicroseconds }, false));
    },
  );

  onOneProcessor(`the same on one processor, looking for ${spinMicroseconds} µs`, { timeout: 60_000 }, async () => {
    expectRestful(await converse({ rounds: ROUNDS, spinMicroseconds }, true));
  });
}

onOneProcessor('who looks for an answer on the processor of whoever gives it has it before that one goes on', { timeout: 60_000 }, async () => {
  const rounds = 400;
  const { wrong, before } = await converse({ rounds, spinMicroseconds: 200, afterMs: 0.2 }, true);
  expect(wrong).toBe(0);
  // Who gets the processor next is for the kernel to say: with others that want it, it is who waits in 36 to 60 of 100 rounds, and in 60 to 85 without. If nobody gives way it is in 9 to 26.
  expect(before).toBeGreaterThan(rounds * 0.3);
});

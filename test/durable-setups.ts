/** Where tests of durable agents run: in memory on one thread, where writes can be held and failed, and on disk with workers. A nexus can be ended and started again over the same store. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createNexus, type Nexus, type NexusOptions } from 'nexus-agents';
import { onTestFinished } from 'vitest';
import { type MemoryStorage, memoryStorage } from '../dist/ts-src/adapters/memory-storage.js';
import * as kinds from './fixtures/durable.mjs';
import { fixture, type LogLine, recorder } from './start-nexus.js';

export interface DurableSetup {
  readonly start: (options?: Partial<NexusOptions>) => Promise<Nexus>;
  /** Only in memory. */
  readonly memory: MemoryStorage;
  readonly lines: LogLine[];
}

export function inMemory(): DurableSetup {
  const memory = memoryStorage();
  const logger = recorder();
  const definitions = Object.values(kinds).filter((each) => typeof each === 'object');
  return { start: (options) => started({ agents: definitions, threads: 0, storage: memory, logger, ...options }), memory, lines: logger.lines };
}

export function onDisk(): DurableSetup {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-durable-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const logger = recorder();
  return {
    start: (options) => started({ agents: [fixture('durable.mjs')], threads: 2, storage: { path: join(directory, 'store') }, logger, ...options }),
    get memory(): never {
      throw new Error('this one is on disk');
    },
    lines: logger.lines,
  };
}

export const SETUPS = [
  { where: 'in memory, on the same thread', setup: inMemory },
  { where: 'on disk, on other threads', setup: onDisk },
] as const;

async function started(options: NexusOptions): Promise<Nexus> {
  const nexus = await createNexus(options);
  onTestFinished(async () => {
    await nexus.stop({ deadlineMs: 2000 });
  });
  return nexus;
}

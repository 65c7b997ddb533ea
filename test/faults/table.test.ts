/**
 * A worker thread killed between any two steps of an insert, a removal or an inheritance blocks nobody: whoever goes on finds, inserts and removes, its successor takes
 * over, and what it was about is there whole or not at all.
 */
import { halfSipHash } from '../../dist/bindings/portable/half-sip-hash.js';
import * as L from '../../dist/layout/generated/layout.js';
import { beforeAll, describe, expect, test } from 'vitest';
import { compileSteppedBytes } from '../unit/wasm/stepped-module.js';
import { killTableCall, type VictimEngine } from './table-kills.js';
import { scenarios } from './table-scenarios.mjs';

const all = scenarios({ halfSipHash, L }) as Readonly<Record<string, { readonly isRemoval?: boolean; readonly isKept?: boolean }>>;
/** Every step takes a thread of its own. */
const TIMEOUT_MS = process.env['NEXUS_FAULT_STEPS'] === undefined ? 240_000 : 3_600_000;
let steppedModule: Uint8Array;

beforeAll(async () => {
  steppedModule = await compileSteppedBytes();
});

describe.each(['portable', 'wasm'] as const)('a %s thread killed at any step', (engine: VictimEngine) => {
  test.each(Object.keys(all))('%s', { timeout: TIMEOUT_MS }, async (scenario) => {
    const { kills, steps, wrong, seen } = await killTableCall({ engine, scenario, steppedModule });
    expect(wrong).toEqual([]);
    expect(kills).toBeGreaterThanOrEqual(5);
    expect(steps).toBeGreaterThanOrEqual(kills);
    // The call takes effect at one step: before it others see the one, from it on the other.
    const presence = seen.map(([, isPresent]) => isPresent);
    const { isRemoval, isKept } = all[scenario] ?? {};
    const changes = presence.filter((isPresent, index) => index > 0 && isPresent !== presence[index - 1]).length;
    expect({ changes, first: presence[0], last: presence.at(-1) }).toEqual({
      changes: isKept ? 0 : 1,
      first: isRemoval === true || isKept === true,
      last: isRemoval !== true,
    });
    if (process.env['NEXUS_FAULT_REPORT'] !== undefined) process.stderr.write(`${engine}: ${scenario}: ${steps} steps, ${kills} kills\n`);
  });
});

/** Signals that come twice: at once it is one that was sent to the process and to its group, later somebody does not want to wait. */
import { afterEach, expect, test, vi } from 'vitest';
import { type Serving, stopOnSignals } from '../../../dist/ts-src/cli/shutdown.js';

const names = ['SIGTERM', 'SIGINT'] as const;
const before = names.map((name) => process.listeners(name));

afterEach(() => {
  names.forEach((name, at) => {
    for (const listener of process.listeners(name)) if (!before[at]?.includes(listener)) process.off(name, listener);
  });
  vi.restoreAllMocks();
});

function serving(): { readonly exits: unknown[]; readonly warnings: string[]; readonly stops: () => number; at(ms: number): void } {
  const exits: unknown[] = [];
  const warnings: string[] = [];
  let stops = 0;
  let nowMs = 1000;
  vi.spyOn(process, 'exit').mockImplementation(((code: unknown) => {
    exits.push(code);
  }) as never);
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
  const logger = { debug: () => undefined, info: () => undefined, error: () => undefined, warn: (_data: unknown, message: string) => warnings.push(message) };
  const gateway = {
    stop: () => {
      stops++;
      return new Promise(() => undefined);
    },
  };
  stopOnSignals(10_000, undefined, logger as never).serving({ gateway, nexus: {} } as unknown as Serving);
  return {
    exits,
    warnings,
    stops: () => stops,
    at(ms) {
      nowMs = 1000 + ms;
    },
  };
}

test('the same signal again at once, as a process group gets it, is one: what was begun goes on', () => {
  const { exits, warnings, stops, at } = serving();
  process.emit('SIGTERM', 'SIGTERM');
  at(249);
  process.emit('SIGTERM', 'SIGTERM');
  expect({ exits, warnings, stops: stops() }).toEqual({ exits: [], warnings: [], stops: 1 });
  at(250);
  process.emit('SIGTERM', 'SIGTERM');
  expect(exits).toEqual([143]);
});

test('another signal ends it at once, however soon it comes', () => {
  const { exits } = serving();
  process.emit('SIGTERM', 'SIGTERM');
  process.emit('SIGINT', 'SIGINT');
  expect(exits).toEqual([130]);
});

/** The option `console`, and which pages may open a WebSocket. */
import { resolveConsoleOptions } from '../../../dist/ts-src/console/console-options.js';
import { checkOrigin } from '../../../dist/ts-src/console/origin-check.js';
import { expect, test } from 'vitest';
import { failureOf } from '../../start-nexus.js';

const token = 'x'.repeat(16);

test('the console is on and read-only unless it is given a token', () => {
  expect(resolveConsoleOptions()).toEqual({ token: undefined, actions: [], clientsMax: 32 });
  expect(resolveConsoleOptions(true)).toEqual(resolveConsoleOptions({}));
  expect(resolveConsoleOptions(false)).toBeUndefined();
  expect(resolveConsoleOptions({ token })).toEqual({ token, actions: ['pause', 'resume', 'stop'], clientsMax: 32 });
  expect(resolveConsoleOptions({ token, actions: ['resume', 'pause'], clientsMax: 0 })).toEqual({ token, actions: ['pause', 'resume'], clientsMax: 0 });
  // What it has resolved is what it takes.
  const resolved = resolveConsoleOptions({ token, actions: [] });
  expect(resolveConsoleOptions(resolved)).toEqual(resolved);
  expect(resolveConsoleOptions(resolveConsoleOptions())).toEqual(resolveConsoleOptions());
});

test.each([
  [{ token: 'short' }, 'console.token'],
  [{ token: `${token} ${token}` }, 'console.token'],
  [{ token: `${token}ü` }, 'console.token'],
  [{ token: 16 }, 'console.token'],
  [{ token: 'x'.repeat(1025) }, 'console.token'],
  [{ actions: ['stop'] }, 'console.actions'],
  [{ token, actions: ['stopp'] }, "did you mean 'stop'"],
  [{ token, actions: 'stop' }, 'console.actions'],
  [{ clientsMax: -1 }, 'console.clientsMax'],
  [{ clientsMax: 1.5 }, 'console.clientsMax'],
  [{ tokens: token }, 'token'],
  ['yes', 'console'],
  [null, 'console'],
])('an option of the console that is wrong is named: %j', async (options, named) => {
  const failure = await failureOf(() => resolveConsoleOptions(options as never));
  expect(failure?.code).toMatch(/^NEXUS_OPTION_/);
  expect(failure?.message).toContain(named);
  if (JSON.stringify(options)?.includes(token)) expect(failure?.message).not.toContain(token);
});

test.each([
  ['localhost:8080', undefined, [], true],
  ['localhost:8080', 'http://localhost:8080', [], true],
  ['[::1]:8080', 'http://[::1]:8080', [], true],
  ['ops.example', 'https://ops.example', [], true],
  ['ops.example:443', 'https://ops.example', [], true],
  ['OPS.example', 'https://ops.example', [], true],
  ['localhost:8080', 'http://localhost:3000', [], false],
  ['localhost:8080', 'http://evil.example', [], false],
  ['localhost:8080', 'http://localhost:8080.evil.example', [], false],
  ['localhost:8080', 'null', [], false],
  ['localhost:8080', '', [], false],
  ['localhost:8080', 'file://', [], false],
  [undefined, 'http://localhost:8080', [], false],
  ['127.0.0.1:8080', 'https://ops.example', [], false],
  ['127.0.0.1:8080', 'https://ops.example', ['ops.example'], true],
  ['127.0.0.1:8080', 'https://other.example', ['ops.example'], false],
] as const)('a page may open a WebSocket only where it came from: host %s, origin %s, allowed %j: %s', async (host, origin, allowed, may) => {
  expect((await failureOf(() => checkOrigin(host, origin, allowed)))?.code).toBe(may ? undefined : 'GATEWAY_ORIGIN_REFUSED');
});

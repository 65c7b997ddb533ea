/** `nexus agents`, `inspect`, `trace` and `top --once` against a real service of `nexus run`. What the console does when it is not asked nicely is in `console-commands.test.ts`. */
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import type { AgentInspection, FollowedMessage, SystemSnapshot } from '../../dist/ts-src/model/observation.js';
import { until } from '../until.js';
import { killCommands, nexusCommand, type RunningCommand } from './nexus-command.js';

const counter = fileURLToPath(new URL('../fixtures/counter.mjs', import.meta.url));

afterEach(killCommands);

async function serving(...args: string[]): Promise<RunningCommand & { url: string }> {
  const command = nexusCommand(['run', counter, '--threads', '2', '--port', '0', '--json', ...args]);
  await until(() => {
    if (command.child.exitCode !== null) throw new Error(command.err());
    return command.out().includes('\n');
  });
  return { ...command, url: JSON.parse(command.out()).url as string };
}

const ask = async (url: string, id: string, action: string, input?: unknown): Promise<number> =>
  (
    await fetch(`${url}/agents/${encodeURIComponent(id)}/${action}?kind=counter`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      ...(input === undefined ? {} : { body: JSON.stringify(input) }),
    })
  ).status;

async function ended(...args: string[]): Promise<{ code: number | string; out: string; err: string }> {
  const command = nexusCommand(args);
  return { code: await command.exit, out: command.out(), err: command.err() };
}

describe('a real service', () => {
  test('its agents are listed, by page, prefix and kind, whatever their ids', async () => {
    const { url } = await serving();
    const ids = ['order/1', 'order/2', 'x\x1b[2J', '世界'];
    for (const id of ids) expect(await ask(url, id, 'add', 1)).toBe(200);
    const all = await ended('agents', '--json', '--url', url);
    expect(JSON.parse(all.out).map(({ id, kind }: { id: string; kind: string }) => [id, kind])).toEqual([...ids].sort().map((id) => [id, 'counter']));
    const some = await ended('agents', '--prefix', 'order/', '--limit', '1', '--url', url);
    expect([some.code, some.out]).toEqual([0, expect.stringMatching(/^id +kind +thread\norder\/1 +counter +\d\n$/)]);
    expect(some.err).toContain('there are more than these 1');
    expect((await ended('agents', '--kind', 'countr', '--url', url)).err).toMatch(/no kind 'countr'; did you mean 'counter'\?.*\(NEXUS_KIND_UNKNOWN\)/);
    expect((await ended('agents', '--prefix', 'none', '--url', url)).out).toBe('no agents in memory\n');
    // As curl takes it.
    expect((await ended('agents', '--prefix', 'none', '--url', new URL(url).host)).out).toBe('no agents in memory\n');
  });

  test('an agent is looked into, by any id, and one that is not there is named with the nearest', async () => {
    const { url } = await serving();
    expect(await ask(url, 'order/1', 'add', 41)).toBe(200);
    const text = await ended('inspect', 'order/1', '--url', url);
    expect([text.code, text.out]).toEqual([0, expect.stringMatching(/^counter order\/1\n {2}status +ready\n[\s\S]*\nstate\n {2}\{ n: 41 \}\n/)]);
    const inspection = JSON.parse((await ended('inspect', 'order/1', '--json', '--url', url)).out) as AgentInspection;
    expect(inspection).toMatchObject({ id: 'order/1', kind: 'counter', status: 'ready', mailbox: { waiting: 0 } });
    expect(await ended('inspect', 'oder/1', '--url', url)).toEqual({ code: 1, out: '', err: "nexus: there is no agent 'oder/1'; did you mean 'order/1'?\n" });
  });

  test('agents whose ids no path can have are looked into and found', async () => {
    const { url } = await serving();
    for (const id of ['.', '..']) {
      expect(
        (await fetch(`${url}/agents/-/add?kind=counter&id=${id}`, { method: 'POST', body: '1', headers: { 'content-type': 'application/json' } })).status,
      ).toBe(200);
      expect(JSON.parse((await ended('inspect', id, '--json', '--url', url)).out)).toMatchObject({ id, kind: 'counter' });
      expect(await ended('where', id, '--url', url)).toMatchObject({ code: 0, out: expect.stringMatching(/^counter \.+ is in this process, thread \d\n$/) });
      expect((await fetch(`${url}/agents/-?id=${id}`, { method: 'DELETE' })).status).toBe(200);
      expect(await ended('inspect', id, '--url', url)).toMatchObject({ code: 1, err: expect.stringContaining(`there is no agent '${id}'`) });
    }
  });

  test('the messages of one agent are followed as it handles them, until it ends', async () => {
    const { url } = await serving();
    await ask(url, 'a', 'add', 1);
    const command = nexusCommand(['trace', 'a', '--json', '--url', url]);
    await until(() => command.err().includes('following counter a'));
    // From when it is followed is not said to us: what comes before that is not shown.
    await until(async () => {
      await ask(url, 'a', 'read');
      return command.out().includes('"read"');
    });
    await ask(url, 'other', 'add', 5);
    await ask(url, 'a', 'add', 7);
    await ask(url, 'a', 'fail');
    await until(() => command.out().includes('"fail"'));
    expect((await fetch(`${url}/agents/a`, { method: 'DELETE' })).status).toBe(200);
    expect(await command.exit).toBe(0);
    expect(command.err()).toContain('nexus: the agent has ended\n');
    const messages = command
      .out()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as FollowedMessage)
      .filter(({ action }) => action !== 'read');
    expect(messages).toMatchObject([
      { id: 'a', kind: 'counter', action: 'add', isAsk: true, outcome: 'handled', input: { text: '7', isCut: false } },
      { id: 'a', action: 'fail', outcome: 'failed', error: expect.stringContaining('boom') },
    ]);
  });

  test('following ends with an error when the service does', async () => {
    const service = await serving();
    await ask(service.url, 'a', 'add', 1);
    const command = nexusCommand(['trace', 'a', '--url', service.url]);
    await until(async () => {
      await ask(service.url, 'a', 'read');
      return command.out().includes('read');
    });
    service.child.kill('SIGKILL');
    expect([await command.exit, command.err()]).toEqual([1, expect.stringContaining(`the connection to ${service.url} was cut`)]);
  });

  test('one snapshot as JSON has rates and every thread, and as text all panels', async () => {
    const { url } = await serving();
    await ask(url, 'a', 'add', 1);
    await ask(url, 'a', 'fail');
    const json = await ended('top', '--once', '--json', '--url', url);
    const snapshot = JSON.parse(json.out) as SystemSnapshot;
    expect(snapshot.threads.map(({ thread, state }) => [thread, state])).toEqual([0, 1, 2].map((thread) => [thread, 'ready']));
    expect(snapshot.periodMs).toBeGreaterThan(0);
    expect(snapshot.agents.live).toBe(1);
    const text = await ended('top', '--once', '--sort', 'agents', '--url', url);
    expect([text.code, text.err]).toEqual([0, '']);
    for (const part of [`nexus top  ${url}`, 'threads', 'actions', 'kinds', 'mailboxes', 'flows', 'dead letters', 'failures', 'counter       1'])
      expect(text.out).toContain(part);
  });

  test('snapshots follow each other as lines of JSON', async () => {
    const { url } = await serving();
    const command = nexusCommand(['top', '--json', '--interval', '250', '--url', url]);
    await until(() => command.out().split('\n').length > 3);
    command.child.kill('SIGINT');
    expect(await command.exit).toBe(0);
    const times = command
      .out()
      .split('\n')
      .slice(0, 3)
      .map((line) => (JSON.parse(line) as SystemSnapshot).takenAtMs);
    expect([...times].sort()).toEqual(times);
    expect(new Set(times).size).toBe(3);
  });

  test('one whose console is switched off says so to every command', async () => {
    const { url } = await serving('--no-console');
    for (const args of [['top', '--once'], ['top', '--json'], ['agents'], ['inspect', 'a'], ['trace', 'a']]) {
      const { code, err } = await ended(...args, '--url', url);
      expect([code, err]).toEqual([1, expect.stringContaining(`the gateway at ${url} has no console: it is switched off there`)]);
    }
  });
});

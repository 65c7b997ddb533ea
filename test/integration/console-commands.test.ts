/** `nexus agents`, `inspect`, `trace` and `top` without a screen, against a gateway that does what the test says. The real one is in `console-commands-real.test.ts`. */
import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { inspectionText } from '../../dist/ts-src/cli/inspect-command.js';
import { traceLine } from '../../dist/ts-src/cli/trace-command.js';
import type { AgentInspection, FollowedMessage } from '../../dist/ts-src/model/observation.js';
import { busySnapshot } from '../unit/cli/snapshots.js';
import { until } from '../until.js';
import { type FakeAnswers, type FakeConsole, fakeConsole } from './fake-console.js';
import { killCommands, nexusCommand, type RunningCommand } from './nexus-command.js';

const consoles: FakeConsole[] = [];

afterEach(async () => {
  killCommands();
  for (const each of consoles.splice(0)) await each.stop();
});

async function console(answers: FakeAnswers): Promise<FakeConsole> {
  const started = await fakeConsole(answers);
  consoles.push(started);
  return started;
}

async function ended(command: RunningCommand): Promise<{ code: number | string; out: string; err: string }> {
  return { code: await command.exit, out: command.out(), err: command.err() };
}

const INSPECTION: AgentInspection = {
  id: 'o1',
  kind: 'order',
  thread: 2,
  status: 'busy',
  restarts: 3,
  isDurable: true,
  parent: 'desk',
  children: 0,
  watchers: 1,
  links: 0,
  groups: ['orders', 'all'],
  state: { text: "{\n  total: 5,\n  note: '\x1b[2J'\n}", isCut: true },
  mailbox: {
    waiting: 21,
    capacity: 1000,
    overflow: 'reject',
    first: [
      { action: 'pay', sender: 'desk d1', isAsk: true, input: { text: '{\n  by: 1\n}', isCut: false } },
      { action: 'cancel', sender: undefined, isAsk: false, input: { text: 'undefined', isCut: true } },
    ],
  },
  timers: [{ action: 'expire', dueInMs: 59_000, periodMs: 0 }],
  subscriptions: [{ pattern: 'stock.*', action: 'restocked' }],
  signals: [{ atMs: Date.UTC(2026, 0, 2, 3, 4, 5, 6), direction: 'received', topic: 'stock.tea' }],
};

const MESSAGE: FollowedMessage = {
  atMs: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
  id: 'o1',
  kind: 'order',
  thread: 2,
  action: 'pay',
  sender: 'desk d1',
  isAsk: true,
  input: { text: '{ by: 1,\n  with: "\x1b]0;x\x07" }', isCut: false },
  outcome: 'handled',
  tookMs: 1.25,
  error: undefined,
};
const NOT_FOUND = [404, JSON.stringify({ error: { code: 'NEXUS_AGENT_NOT_FOUND', message: 'there is no agent' } })];
const listed = (...ids: string[]): unknown => ({ agents: ids.map((id) => ({ id, kind: 'order', thread: 1 })) });

describe('what does not answer', () => {
  test.each([[['top', '--once']], [['top', '--json']], [['agents']], [['inspect', 'a']], [['trace', 'a']]])('%j says that nobody listens', async (args) => {
    const server = createServer().listen(0, '127.0.0.1');
    await until(() => server.listening);
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const { code, out, err } = await ended(nexusCommand([...args, '--url', `http://127.0.0.1:${port}`]));
    expect([code, out]).toEqual([1, '']);
    expect(err).toBe(`nexus: nothing listens at http://127.0.0.1:${port}: start a service (nexus run MODULE), or name where it is with --url or NEXUS_URL\n`);
  });

  test.each([[['top', '--once']], [['top', '--json']], [['agents']], [['inspect', 'a']], [['trace', 'a']]])(
    '%j says that there is no console',
    async (args) => {
      const { url } = await console({ refuse: [404, '{"error":{"code":"GATEWAY_ROUTE_UNKNOWN","message":"no"}}'] });
      const { code, out, err } = await ended(nexusCommand([...args, '--url', url]));
      expect([code, out]).toEqual([1, '']);
      expect(err).toBe(
        `nexus: the gateway at ${url} has no console: it is switched off there (console: false, or nexus run --no-console), or is of a version before it\n`,
      );
    },
  );

  test.each([[['top', '--once']], [['top', '--json']], [['agents']], [['inspect', 'a']], [['trace', 'a']]])(
    '%j says that somebody else listens',
    async (args) => {
      const page = [404, '<html>\x1b[2Jnginx</html>'];
      const { url } = await console({ answers: { '/console/snapshot': page, '/console/agents': page, '/console/agents/a': page }, refuse: [404, '<html>'] });
      const { code, err } = await ended(nexusCommand([...args, '--url', url]));
      expect([code, err]).toEqual([1, `nexus: what answers at ${url} is no gateway of Nexus (HTTP status 404); name another with --url or NEXUS_URL\n`]);
    },
  );

  test('what does not even speak HTTP', async () => {
    const server = createServer((socket) => socket.on('error', () => undefined).end('SSH-2.0-OpenSSH_9\r\n')).listen(0, '127.0.0.1');
    await until(() => server.listening);
    const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
    for (const args of [['agents'], ['top', '--json']]) {
      const { code, err } = await ended(nexusCommand([...args, '--url', url]));
      expect([code, err]).toEqual([1, expect.stringMatching(/is no gateway of Nexus: it does not speak HTTP/)]);
    }
    server.close();
  });

  test('a host that has no address, and an answer that is no snapshot or list', async () => {
    expect((await ended(nexusCommand(['agents', '--url', 'http://nowhere.invalid:1']))).err).toMatch(
      /^nexus: there is no address for the host of http:\/\/nowhere\.invalid:1\n$/,
    );
    const { url } = await console({
      answers: { '/console/snapshot': { threads: [] }, '/console/agents': [], '/console/agents/a': {} },
      first: [{ type: 'snapshot', snapshot: 7 }],
    });
    for (const args of [['top', '--once'], ['top', '--json'], ['agents'], ['inspect', 'a']]) {
      const { code, out, err } = await ended(nexusCommand([...args, '--url', url]));
      expect([code, out, err]).toEqual([1, '', expect.stringMatching(/^nexus: what the gateway .*sent is (not a snapshot|no list|no inspection)/)]);
    }
  });

  test('a proxy in front that wants a token, or has nothing behind it', async () => {
    for (const [status, says] of [
      [401, /asks for a token \(HTTP status 401\): set NEXUS_CONSOLE_TOKEN/],
      [502, /has no service behind it at the moment \(HTTP status 502\)/],
    ] as const) {
      const { url } = await console({ answers: { '/console/agents': [status, '<html>'] }, refuse: [status, '<html>'] });
      for (const args of [['agents'], ['top', '--json']]) {
        const { code, err } = await ended(nexusCommand([...args, '--url', url]));
        expect([code, err]).toEqual([1, expect.stringMatching(says)]);
      }
    }
  });

  test('what the gateway refuses is shown, made harmless', async () => {
    const { url } = await console({
      answers: { '/console/agents': [422, JSON.stringify({ error: { code: 'NEXUS_KIND_UNKNOWN', message: "there is no kind '\x1b[31m'" } })] },
    });
    const { code, err } = await ended(nexusCommand(['agents', '--kind', 'x', '--url', url]));
    expect([code, err]).toEqual([1, `nexus: the gateway at ${url} refused: there is no kind '\\x1b[31m' (NEXUS_KIND_UNKNOWN)\n`]);
  });
});

describe('nexus agents', () => {
  test('lists agents as a table, as JSON, and asks for what was asked for, with the token', async () => {
    const { url, asked } = await console({
      answers: {
        '/console/agents': {
          agents: [
            { id: 'a\x1b[2J', kind: 'order', thread: 12 },
            { id: '世界', kind: 'desk', thread: 1 },
          ],
        },
      },
    });
    const table = await ended(
      nexusCommand(['agents', '--kind', 'order', '--prefix', 'a b', '--limit', '7'], { env: { NEXUS_URL: `${url}/`, NEXUS_CONSOLE_TOKEN: 'secret' } }),
    );
    expect(table).toEqual({ code: 0, out: 'id        kind   thread\na\\x1b[2J  order      12\n世界      desk        1\n', err: '' });
    expect(asked).toEqual([{ line: 'GET /console/agents?limit=7&kind=order&prefix=a+b', token: 'secret' }]);
    const json = await ended(nexusCommand(['agents', '--json', '--url', url, '--token', 'other']));
    expect(JSON.parse(json.out)).toEqual([
      { id: 'a\x1b[2J', kind: 'order', thread: 12 },
      { id: '世界', kind: 'desk', thread: 1 },
    ]);
    expect(json.out).not.toContain('\x1b');
    expect(asked.at(-1)?.token).toBe('other');
  });

  test('takes further pages up to the limit, and says if there are more', async () => {
    const { url, asked } = await console({ answers: { '/console/agents': { ...(listed('a', 'b') as object), next: 'b' } } });
    const { code, out, err } = await ended(nexusCommand(['agents', '--limit', '5', '--json', '--url', url]));
    expect([code, JSON.parse(out).length]).toEqual([0, 5]);
    expect(asked.map(({ line }) => line)).toEqual([
      'GET /console/agents?limit=5',
      'GET /console/agents?limit=3&after=b',
      'GET /console/agents?limit=1&after=b',
    ]);
    expect(err).toContain('there are more than these 5');
  });
});

describe('nexus inspect', () => {
  test('shows all of an agent, made harmless, and JSON', async () => {
    const { url, asked } = await console({ answers: { '/console/agents/a%2Fb%20c': INSPECTION } });
    const { code, out, err } = await ended(nexusCommand(['inspect', 'a/b c', '--url', url]));
    expect([code, err]).toEqual([0, '']);
    expect(out).toBe(inspectionText(INSPECTION));
    expect(asked).toEqual([{ line: 'GET /console/agents/a%2Fb%20c', token: undefined }]);
    expect(JSON.parse((await ended(nexusCommand(['inspect', 'a/b c', '--json', '--url', url]))).out)).toEqual(INSPECTION);
  });

  test('the text is this', () => {
    expect(inspectionText(INSPECTION)).toBe(`order o1
  status    busy
  thread    2
  restarts  3
  durable   yes
  parent    desk
  ties      children 0, watchers 1, links 0
  groups    orders, all
  mailbox   21 of 1,000 (reject)

state (cut off)
  {
    total: 5,
    note: '\\x1b[2J'
  }

waiting, the oldest first (2 of 21)
  action  from             input
  pay     desk d1    ask   { by: 1 }
  cancel  (outside)  tell  undefined …

timers
  action  due in  every
  expire  59.0s   -

subscriptions
  pattern  action
  stock.*  restocked

signals, the latest first
  time                    topic
  03:04:05.006  received  stock.tea
`);
  });

  test('an agent that is not there is named with the nearest one', async () => {
    const { url, asked } = await console({ answers: { '/console/agents/ordr-77': NOT_FOUND, '/console/agents': listed('order-76', 'order-77', 'other') } });
    const { code, out, err } = await ended(nexusCommand(['inspect', 'ordr-77', '--url', url]));
    expect([code, out, err]).toEqual([1, '', "nexus: there is no agent 'ordr-77'; did you mean 'order-77'?\n"]);
    expect(asked.map(({ line }) => line)).toContain('GET /console/agents?limit=1000&prefix=or');
    const none = await console({ answers: { '/console/agents/zzz': NOT_FOUND, '/console/agents': listed() } });
    expect((await ended(nexusCommand(['trace', 'zzz', '--url', none.url]))).err).toBe("nexus: there is no agent 'zzz': nexus agents lists those there are\n");
  });
});

describe('nexus trace', () => {
  const follow = (args: readonly string[], { url }: FakeConsole): RunningCommand => nexusCommand(['trace', 'o1', '--url', url, ...args]);

  test('shows messages as they come, and what was left out, until ctrl-c', async () => {
    const fake = await console({ answers: { '/console/agents/o1': INSPECTION }, first: [{ type: 'following', id: 'o1' }] });
    const command = follow([], fake);
    await until(() => fake.sockets.size === 1);
    expect(fake.asked.at(-1)?.line).toBe('GET /console/follow?id=o1');
    fake.send({ type: 'message', message: MESSAGE });
    fake.send({ type: 'dropped', count: 12 });
    fake.send({ type: 'message', message: { ...MESSAGE, sender: undefined, isAsk: false, outcome: 'failed', error: 'Error: no\n  at x' } });
    await until(() => command.out().split('\n').length === 3);
    command.child.kill('SIGINT');
    expect(await command.exit).toBe(0);
    expect(command.out()).toBe(
      '03:04:05.006  desk d1               pay?               1.25ms  handled  { by: 1, with: "\\x1b]0;x\\x07" }\n' +
        '03:04:05.006  (outside)             pay                1.25ms  failed   Error: no at x; the input was { by: 1, with: "\\x1b]0;x\\x07" }\n',
    );
    expect(command.err()).toContain('nexus: following order o1 on thread 2; ctrl-c ends it\n');
    expect(command.err()).toContain('nexus: 12 messages came faster than they could be shown\n');
  });

  test('ends with the agent, whether the gateway says so or the agent is gone when the stream is', async () => {
    const says = await console({ answers: { '/console/agents/o1': INSPECTION } });
    const told = follow(['--json'], says);
    await until(() => says.sockets.size === 1);
    says.send({ type: 'message', message: MESSAGE });
    says.send({ type: 'ended' });
    expect(await told.exit).toBe(0);
    expect(JSON.parse(told.out())).toEqual(JSON.parse(JSON.stringify(MESSAGE)));
    expect(told.err()).toContain('the agent has ended');

    const answers: Record<string, unknown> = { '/console/agents/o1': INSPECTION };
    const gone = await console({ answers });
    const command = follow([], gone);
    await until(() => gone.sockets.size === 1);
    answers['/console/agents/o1'] = NOT_FOUND;
    for (const socket of gone.sockets) socket.close(1000);
    expect([await command.exit, command.err()]).toEqual([0, expect.stringContaining('the agent has ended')]);

    // Another agent has the id by then.
    const again = await console({ answers: { '/console/agents/o1': INSPECTION } });
    const followed = follow([], again);
    await until(() => again.sockets.size === 1);
    for (const socket of again.sockets) socket.close(1001, 'the agent has ended');
    expect([await followed.exit, followed.err()]).toEqual([0, expect.stringContaining('the agent has ended')]);
  });

  test('ends after --limit messages with 0, and with 1 when the connection is lost', async () => {
    const fake = await console({ answers: { '/console/agents/o1': INSPECTION }, first: [1, 2, 3].map(() => ({ type: 'message', message: MESSAGE })) });
    const limited = await ended(follow(['--limit', '2'], fake));
    expect([limited.code, limited.out.split('\n').length]).toEqual([0, 3]);
    const lost = follow([], fake);
    await until(() => fake.sockets.size === 1);
    for (const socket of fake.sockets) socket.terminate();
    expect([await lost.exit, lost.err()]).toEqual([1, expect.stringContaining(`the connection to ${fake.url} was cut`)]);
  });

  test('a line fits the terminal, and failures are red', () => {
    const look = { columns: () => 104, isColored: true, isAscii: false };
    expect(traceLine(MESSAGE, look)).toBe('03:04:05.006  desk d1               pay?               1.25ms  handled  { by: 1, with: "\\x1b]0;x\\x07" }');
    expect(traceLine({ ...MESSAGE, outcome: 'failed', error: 'x'.repeat(100) }, look)).toBe(
      `03:04:05.006  desk d1               pay?               1.25ms  \x1b[31mfailed \x1b[0m  ${'x'.repeat(31)}…`,
    );
    for (let columns = 1; columns < 90; columns++) expect(traceLine(MESSAGE, { ...look, columns: () => columns }).length).toBeLessThanOrEqual(columns);
  });
});

describe('nexus top without a screen', () => {
  test('--once is one snapshot as text or as JSON', async () => {
    const { url } = await console({ answers: { '/console/snapshot': busySnapshot() } });
    const text = await ended(nexusCommand(['top', '--once', '--url', url]));
    expect([text.code, text.err]).toEqual([0, '']);
    expect(text.out).toContain('article  reserve   198k');
    const json = await ended(nexusCommand(['top', '--once', '--json', '--url', url]));
    expect(JSON.parse(json.out)).toEqual(JSON.parse(JSON.stringify(busySnapshot())));
  });

  test('--json is a line for each snapshot, also after the connection was lost and found again', async () => {
    const first = [{ type: 'hello' }, { type: 'snapshot', snapshot: busySnapshot() }];
    const fake = await console({ first });
    const command = nexusCommand(['top', '--json', '--interval', '500', '--url', fake.url]);
    await until(() => command.out().split('\n').length === 2);
    expect(fake.asked[0]?.line).toBe('GET /console/live?intervalMs=500');
    for (const socket of fake.sockets) socket.terminate();
    await until(() => command.out().split('\n').length === 3);
    expect(command.err()).toBe(`nexus: the connection to ${fake.url} was cut; attempt 1 follows\n`);
    await fake.stop();
    await until(() => command.err().includes('nothing listens') && command.err().includes('attempt 2 follows'));
    const again = await fakeConsole({ first, port: fake.port });
    consoles.splice(0, 1, again);
    await until(() => command.out().split('\n').length === 4);
    command.child.kill('SIGINT');
    expect(await command.exit).toBe(0);
    for (const line of command.out().trim().split('\n')) expect(JSON.parse(line).process.pid).toBe(4711);
  });

  test('a reader that goes ends it', async () => {
    const fake = await console({ first: [{ type: 'snapshot', snapshot: busySnapshot() }] });
    const command = nexusCommand(['top', '--json', '--url', fake.url]);
    await until(() => command.out().length > 0);
    command.child.stdout?.destroy();
    fake.send({ type: 'snapshot', snapshot: busySnapshot() });
    expect(await command.exit).toBe(0);
  });
});

describe('mistakes in the command line', () => {
  test.each([
    [['top'], 'standard output is no terminal: use --once for one snapshot as text, or --json'],
    [['top', '--sort', 'p9'], "unknown column 'p9'; did you mean 'p99'?"],
    [['top', '--interval', '10'], 'a whole number from 250 to 60000'],
    [['top', 'x'], "'x' is not expected"],
    [['agents', '--limit', '0'], 'a whole number from 1 to 1000000'],
    [['agents', 'o1'], "'o1' is not expected; to look into one agent: nexus inspect o1"],
    [['agents', '--url', 'ws://localhost:8080'], '--url is "ws://localhost:8080"; it must be like http://127.0.0.1:8080'],
    [['agents', '--url', 'http://u:p@h/'], 'nexus: --url must have no user, query or fragment, as in http://127.0.0.1:8080\n'],
    [['agents', '--token', 'a b'], 'the token must be of visible ASCII characters'],
    [['inspect'], 'which agent?'],
    [['inspect', 'a', 'b'], "'b' is not expected"],
    [['trace'], 'which agent?'],
    [['trace', 'a', '--limt', '1'], "did you mean '--limit'?"],
  ])('%j', async (args, message) => {
    const { code, out, err } = await ended(nexusCommand(args));
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(message);
    expect(err).toContain(`See: nexus ${args[0]} --help\n`);
  });

  test.each(['top', 'agents', 'inspect', 'trace', 'init'])('nexus %s --help is answered', async (name) => {
    const { code, out, err } = await ended(nexusCommand([name, '--help']));
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(new RegExp(`^nexus ${name} .*\\n\\n[\\s\\S]*--help[\\s\\S]*\\nExit code: 0`));
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(150);
  });
});

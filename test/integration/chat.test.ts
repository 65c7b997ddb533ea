/** The chat of `examples/chat` with real WebSockets over loopback: order, presence, a worker that is killed in the middle, bad input, limits, the end. */
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { createNexus } from 'nexus-agents';
import { describe, expect, onTestFinished, test } from 'vitest';
import { agentIdOf, Room } from '../../examples/chat/room.mjs';
import { CHAT_AGENTS, startChat } from '../../examples/chat/server.mjs';
import { Listener } from '../fixtures/subscribers.mjs';
import { fixture, recorder } from '../start-nexus.js';
import { until } from '../until.js';
import { ChatClient } from './chat-client.js';

const PROGRAM = fileURLToPath(new URL('../../examples/chat/main.mjs', import.meta.url));
type ChatOptions = NonNullable<Parameters<typeof startChat>[1]>;

async function start(limits: ChatOptions['limits'] = {}) {
  const logger = recorder();
  const nexus = await createNexus({ agents: [...CHAT_AGENTS, fixture('subscribers.mjs')], threads: 2, logger });
  const chat = await startChat(nexus, { limits: { framesPerSecond: 1_000_000, framesBurst: 1_000_000, ...limits } });
  onTestFinished(async () => {
    await chat.close();
    await nexus.stop({ deadlineMs: 2000 });
    // Nothing that a client may do makes an agent fail; what is lost is lost because a test has killed it.
    expect(logger.lines.filter(({ level, message }) => level === 'error' && !OF_A_LOST_THREAD.test(message))).toEqual([]);
  });
  const open = (options = {}) => ChatClient.open(chat.socketUrl, options);
  const join = async (room: string, ...nicks: string[]): Promise<ChatClient[]> => {
    const clients: ChatClient[] = [];
    for (const nick of nicks) clients.push(await (await open()).join(room, nick));
    return clients;
  };
  const nicks = async (room: string): Promise<readonly string[]> => (await nexus.find(agentIdOf(room), Room)?.ask('nicks')) ?? [];
  return { nexus, chat, open, join, nicks };
}

const OF_A_LOST_THREAD = /^a thread was lost and is replaced$|^a flight record was written/;

describe('the chat', () => {
  test('everybody in a room sees all its messages in the same order, and none of another room', async () => {
    const { join } = await start({ historyMax: 1000 });
    const red = await join('red', 'ann', 'bob', 'cay', 'dan');
    const blue = await join('blue', 'ann', 'eve', 'fay');
    for (let number = 0; number < 50; number++) {
      for (const [index, client] of red.entries()) client.say('red', `${index}:${number}`);
      for (const [index, client] of blue.entries()) client.say('blue', `${index}:${number}`);
      // The sockets take turns.
      if (number % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => red.every((client) => client.texts('red').length === 200) && blue.every((client) => client.texts('blue').length === 150));
    for (const client of red) expect(client.texts('red')).toEqual(red[0]!.texts('red'));
    for (const client of blue) expect(client.texts('blue')).toEqual(blue[0]!.texts('blue'));
    // Each one's own in the order in which they were sent.
    for (const index of [0, 1, 2, 3])
      expect(red[0]!.texts('red').filter((text) => text.startsWith(`${index}:`))).toEqual(Array.from({ length: 50 }, (_, number) => `${index}:${number}`));
    expect(red.flatMap((client) => client.texts('blue'))).toEqual([]);
    expect(blue.flatMap((client) => client.texts('red'))).toEqual([]);
    const [late] = await join('red', 'gus');
    expect(late!.frames[0]!.history.map(({ text }) => text)).toEqual(red[0]!.texts('red'));
  });

  test('who comes, leaves, closes the page or loses the connection is seen by the others at once', async () => {
    const { join, nicks } = await start();
    const [ann, bob, cay, dan] = (await join('red', 'ann', 'bob', 'cay', 'dan')) as [ChatClient, ChatClient, ChatClient, ChatClient];
    await until(() => ann.members('red').length === 4);
    bob.send({ type: 'leave', room: 'red' });
    await until(() => ann.members('red').length === 3);
    cay.socket.close();
    await until(() => ann.members('red').length === 2);
    dan.socket.terminate();
    await until(() => ann.members('red').length === 1);
    expect(ann.presence('red')).toEqual(['bob joined', 'cay joined', 'dan joined', 'bob left', 'cay left', 'dan lost']);
    expect(await nicks('red')).toEqual(['ann']);
    expect(bob.presence('red')).toEqual(['cay joined', 'dan joined']);
    expect(bob.frames.at(-1)).toEqual({ type: 'left', room: 'red' });
    await bob.join('blue', 'bob');
    expect(await nicks('blue')).toEqual(['bob']);
  });

  test('a connection that does not answer the heartbeat is lost, the others stay', async () => {
    const { open, join } = await start({ heartbeatMs: 100, silentHeartbeatsMax: 5 });
    const [ann] = (await join('red', 'ann')) as [ChatClient];
    const mute = await (await open({ autoPong: false })).join('red', 'mute');
    await until(() => ann.presence('red').includes('mute lost'));
    await until(() => mute.closedWith !== undefined);
    expect(mute.closedWith).toBe(4002);
    expect(ann.closedWith).toBeUndefined();
    expect(ann.members('red')).toEqual(['ann']);
  });

  test('who is idle, active again or typing is seen', async () => {
    const { join } = await start({ heartbeatMs: 20, silentHeartbeatsMax: 100, idleMs: 100 });
    const [ann, bob] = (await join('red', 'ann', 'bob')) as [ChatClient, ChatClient];
    await until(() => ann.presence('red').includes('bob idle'));
    const [cay] = (await join('red', 'cay')) as [ChatClient];
    expect(cay.frames[0]!.members).toContainEqual({ nick: 'bob', idle: true });
    bob.send({ type: 'typing', room: 'red' });
    await until(() => ann.presence('red').includes('bob typing'));
    const ofBob = ann.presence('red').filter((change) => change.startsWith('bob'));
    expect(ofBob.slice(0, 4)).toEqual(['bob joined', 'bob idle', 'bob active', 'bob typing']);
  });

  test('when the thread of a room is killed, everybody is there again, and messages go on in one order', async () => {
    const { nexus, join, nicks } = await start();
    const names = Array.from({ length: 12 }, (_, index) => `guest${String(index).padStart(2, '0')}`);
    const clients = await join('red', ...names);
    const [outside] = (await join('blue', 'eve')) as [ChatClient];
    for (const client of clients) client.say('red', 'before');
    await until(() => clients.every((client) => client.texts('red').length === 12));
    const { thread } = nexus.summary(agentIdOf('red'))!;
    expect(thread).toBeGreaterThan(0);
    for (let round = 1; round <= 3; round++) {
      const restored = new Promise((resolve) => nexus.on('threadRestored', resolve));
      const killer = await nexus.spawn(Listener, { thread });
      // In the middle of what everybody says: of this some may be lost, but nobody sees it in another order.
      for (const client of clients) client.say('red', `meanwhile ${round}`);
      await killer.ask('exit', undefined).catch(() => undefined);
      for (const client of clients) client.say('red', `meanwhile ${round}`);
      await restored;
      await until(async () => (await nicks('red')).length === names.length);
      await until(() => clients.every((client) => client.members('red').length === names.length));
      for (const client of clients) expect(client.members('red')).toEqual(names);
      for (const client of clients) client.say('red', `after ${round}`);
      await until(() => clients.every((client) => client.texts('red').filter((text) => text === `after ${round}`).length === 12));
    }
    // Nobody has joined or left: they have returned.
    expect(clients[0]!.presence('red').filter((change) => /left|lost/.test(change))).toEqual([]);
    const common = clients.map((client) =>
      client.frames.filter(({ type }) => type === 'message').map(({ sequence, nick, text }) => `${sequence} ${nick} ${text}`),
    );
    for (const [index, seen] of common.entries()) {
      const others = new Set(common[(index + 1) % common.length]);
      const mine = new Set(seen);
      expect(seen.filter((line) => others.has(line))).toEqual(common[(index + 1) % common.length]!.filter((line) => mine.has(line)));
    }
    clients[3]!.socket.terminate();
    await until(() => clients[0]!.presence('red').includes('guest03 lost'));
    expect(outside.closedWith).toBeUndefined();
  });

  test('a room keeps its last messages, and ends when it has been empty', async () => {
    const { nexus, join } = await start({ historyMax: 3, emptyRoomMs: 50 });
    const [ann] = (await join('red', 'ann')) as [ChatClient];
    for (let number = 0; number < 10; number++) ann.say('red', String(number));
    await until(() => ann.texts('red').length === 10);
    const [bob] = (await join('red', 'bob')) as [ChatClient];
    expect(bob.frames[0]!.history.map(({ text }) => text)).toEqual(['7', '8', '9']);
    ann.socket.close();
    bob.socket.close();
    await until(() => nexus.agentCount === 0);
    const [again] = (await join('red', 'ann')) as [ChatClient];
    expect(again.frames[0]).toMatchObject({ members: [{ nick: 'ann' }], history: [] });
  });

  test('rubbish is answered with what was wrong, and the connection goes on', async () => {
    const { open } = await start();
    const client = await open();
    const long = 'x'.repeat(2001);
    const rubbish = [
      '',
      '{',
      'null',
      '[]',
      '42',
      '"join"',
      '{}',
      '{"type":"__proto__"}',
      '{"type":"join"}',
      '{"type":"join","room":"a.b","nick":"n"}',
      '{"type":"join","room":"*","nick":"n"}',
      '{"type":"join","room":">","nick":"n"}',
      `{"type":"join","room":"${'r'.repeat(33)}","nick":"n"}`,
      '{"type":"join","room":"","nick":"n"}',
      '{"type":"join","room":"r","nick":"  "}',
      `{"type":"join","room":"r","nick":"${'n'.repeat(25)}"}`,
      '{"type":"join","room":"r","nick":"a\\u202eb"}',
      '{"type":"join","room":"r","nick":"\\ud800"}',
      '{"type":"join","room":"r","nick":"n","more":1}',
      '{"type":"say","room":"r","text":5}',
      '{"type":"say","room":"r","text":"   "}',
      `{"type":"say","room":"r","text":"${long}"}`,
      `${'['.repeat(5000)}${']'.repeat(5000)}`,
    ];
    for (const text of rubbish) client.socket.send(text);
    client.socket.send(Buffer.from('{"type":"join","room":"r","nick":"n"}'), { binary: true });
    client.say('nowhere', 'hello');
    await until(() => client.errors().length === rubbish.length + 2);
    expect(client.errors().sort()).toEqual([...Array.from({ length: rubbish.length + 1 }, () => 'badFrame'), 'notJoined']);
    await client.join('r', "<b>O'Neil</b> &");
    client.say('r', '<img src=x onerror=alert(1)>');
    await until(() => client.texts('r').length === 1);
    client.socket.send('x'.repeat(20_000));
    await until(() => client.closedWith !== undefined);
    expect(client.closedWith).toBe(1009);
    const other = await (await open()).join('r', 'ann');
    await until(() => other.members('r').length === 1);
  });

  test('names, rooms, members and connections have their limits', async () => {
    const { open, join, chat } = await start({ roomsOfConnectionMax: 2, membersMax: 2, connectionsMax: 3, roomsMax: 3 });
    const [ann, bob] = (await join('red', 'Ann', 'bob')) as [ChatClient, ChatClient];
    const cay = await open();
    const refused = async (client: ChatClient, room: string, nick: string): Promise<string> => {
      const before = client.errors().length;
      client.send({ type: 'join', room, nick });
      await until(() => client.errors().length > before);
      return client.errors().at(-1) as string;
    };
    expect(await refused(cay, 'red', 'cay')).toBe('roomFull');
    expect(await refused(ann, 'red', 'other')).toBe('alreadyJoined');
    await ann.join('blue', 'ann');
    expect(await refused(cay, 'blue', 'ANN')).toBe('nickTaken');
    expect(await refused(ann, 'green', 'ann')).toBe('tooManyRooms');
    await bob.join('green', 'bob');
    expect(await refused(cay, 'violet', 'cay')).toBe('unavailable');
    await cay.join('blue', 'cay');
    await expect(ChatClient.open(chat.socketUrl)).rejects.toThrow('503');
    cay.socket.close();
    await until(() => ann.presence('blue').includes('cay left'));
    await open();
  });

  test('who sends too fast is told so, and closed when it does not listen', async () => {
    const { join } = await start({ framesPerSecond: 1, framesBurst: 5, refusalsMax: 10 });
    const [ann, bob] = (await join('red', 'ann', 'bob')) as [ChatClient, ChatClient];
    for (let number = 0; number < 7; number++) ann.say('red', String(number));
    await until(() => ann.errors().length >= 3);
    expect(ann.errors().every((code) => code === 'tooFast')).toBe(true);
    await until(() => bob.texts('red').length >= 4);
    expect(bob.texts('red').slice(0, 4)).toEqual(['0', '1', '2', '3']);
    for (let number = 0; number < 100; number++) ann.say('red', 'flood');
    await until(() => ann.closedWith !== undefined);
    expect(ann.closedWith).toBe(4000);
    await until(() => bob.presence('red').includes('ann lost'));
    expect(bob.closedWith).toBeUndefined();
  });

  test('a reader that is too slow is closed, and the others get every message', { timeout: 60_000 }, async () => {
    const { join } = await start({ bufferedBytesMax: 262_144 });
    const [ann, bob, slow] = (await join('red', 'ann', 'bob', 'slow')) as [ChatClient, ChatClient, ChatClient];
    slow.socket.pause();
    const text = '語'.repeat(2000);
    let said = 0;
    // As fast as the others read.
    while (!bob.presence('red').includes('slow lost') && said < 10_000) {
      for (let count = 0; count < 10; count++, said++) ann.say('red', text);
      await until(() => bob.texts('red').length === said && ann.texts('red').length === said);
    }
    expect(bob.presence('red')).toContain('slow lost');
    // More than 1 MiB has to be read by nobody before the system does not take any more.
    expect(said).toBeGreaterThan(40); // of 6 kB
    slow.socket.resume();
    await until(() => slow.closedWith !== undefined);
    expect([4001, 1006]).toContain(slow.closedWith);
    expect(slow.texts('red').length).toBeLessThan(said);
    expect([ann.closedWith, bob.closedWith]).toEqual([undefined, undefined]);
  });

  test('at the end everybody is told, no agent stays, and nobody comes in', async () => {
    const { nexus, chat, join } = await start({ emptyRoomMs: 10 });
    const clients = [...(await join('red', 'ann', 'bob')), ...(await join('blue', 'cay'))];
    // Half a request, and a client that does not read: neither holds the end up.
    const half = connect(chat.port, '127.0.0.1');
    let isHalfClosed = false;
    half.on('error', () => undefined).on('close', () => void (isHalfClosed = true));
    await new Promise((resolve) => half.write('GET / HTTP/1.1\r\nHost: x\r\n', resolve));
    const [deaf] = (await join('red', 'deaf')) as [ChatClient];
    deaf.socket.pause();
    await chat.close();
    await until(() => isHalfClosed);
    await until(() => clients.every(({ closedWith }) => closedWith === 1001));
    await until(() => nexus.agentCount === 0);
    await expect(ChatClient.open(chat.socketUrl)).rejects.toThrow('ECONNREFUSED');
  });

  test('serves its page, and nothing else', async () => {
    const { chat } = await start();
    const page = await fetch(chat.url);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    const html = await page.text();
    for (const [, path] of html.matchAll(/(?:src|href)="(\/[^"]*)"/g)) expect((await fetch(chat.url + path)).status).toBe(200);
    expect(html).not.toMatch(/https?:/);
    expect(await (await fetch(`${chat.url}/chat.js`)).text()).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write/);
    expect((await fetch(`${chat.url}/../main.mjs`)).status).toBe(404);
    expect((await fetch(chat.url, { method: 'POST' })).status).toBe(405);
    await expect(ChatClient.open(`${chat.socketUrl}/other`)).rejects.toThrow('404');
  });

  test.each([
    [{ heartbeatMs: 0 }, /heartbeatMs is 0/],
    [{ rooms: 3 } as object, /no limit rooms/],
  ])('refuses the limits %j', async (limits, message) => {
    const nexus = await createNexus({ agents: CHAT_AGENTS, threads: 0 });
    onTestFinished(async () => void (await nexus.stop()));
    await expect(startChat(nexus, { limits })).rejects.toThrow(message);
  });
});

describe('the chat as a process', () => {
  function program(...argv: string[]) {
    const child = spawn(process.execPath, [PROGRAM, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    const result = { child, output: '', code: undefined as number | null | undefined };
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => void (result.output += text));
    child.on('close', (code) => void (result.code = code));
    return result;
  }

  test.each(['0', '2'])('with %s worker threads: runs until SIGINT ends it, with people in a room, and leaves nothing', async (threads) => {
    const chat = program('--port', '0', '--threads', threads);
    await until(() => /http:\/\/(\S+)/.test(chat.output));
    const client = await ChatClient.open(`ws://${/http:\/\/(\S+)/.exec(chat.output)![1]}/socket`);
    await client.join('red', 'ann');
    client.say('red', 'hello');
    await until(() => client.texts('red').length === 1);
    chat.child.kill('SIGINT');
    await until(() => client.closedWith !== undefined);
    expect(client.closedWith).toBe(1001);
    // It ends by itself: a timer, socket or thread that was left would keep it.
    await until(() => chat.code !== undefined);
    expect([chat.code, chat.output]).toEqual([0, expect.stringContaining('everybody has been told')]);
  });

  test.each([
    [['--port', '99999'], 2],
    [['--threads', 'two'], 2],
    [['--verbose'], 2],
    [['--help'], 0],
  ] as const)('%j ends with %i', async (argv, code) => {
    const chat = program(...argv);
    await until(() => chat.code !== undefined);
    expect(chat.code).toBe(code);
  });
});

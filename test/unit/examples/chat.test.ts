/** The agents of the chat alone: a room as pure decisions and with `testAgent`, a connection with a socket that is none, the budget of frames. */
import { EventEmitter } from 'node:events';
import fc from 'fast-check';
import { type AgentRef, facts } from 'nexus-agents';
import { testAgent } from 'nexus-agents/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Connection } from '../../../examples/chat/connection.mjs';
import { newFrameBudget, spendFrame } from '../../../examples/chat/frame-budget.mjs';
import { resolveLimits } from '../../../examples/chat/limits.mjs';
import { agentIdOf, enter, leave, Room, say, show } from '../../../examples/chat/room.mjs';

const limits = resolveLimits({ historyMax: 3, membersMax: 4 });

describe('a room as pure decisions', () => {
  interface Shown {
    readonly type: string;
    readonly data?: { readonly sequence: number; readonly nick: string; readonly change: string };
    readonly input?: { readonly sequence: number; readonly members: readonly { readonly nick: string; readonly idle: boolean }[] };
  }

  test('whatever happens in a room, who has entered and follows its signals knows what the room knows', () => {
    const connections = ['a', 'b', 'c', 'd', 'e'].map((id) => ({ id }) as AgentRef);
    const step = fc.record({
      who: fc.nat({ max: 4 }),
      nick: fc.constantFrom('Ann', 'ANN', 'bob', 'cay', 'dan', 'eve'),
      what: fc.constantFrom('enter', 'leave', 'lost', 'say', 'idle', 'active', 'typing'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let state: Parameters<typeof enter>[0] = { limits, members: new Map(), history: [], sequence: 0 };
        // A page that was told at the beginning, and only listens.
        const seen = new Map<string, boolean>();
        let sequence = 0;
        for (const { who, nick, what } of steps) {
          const connection = connections[who] as AgentRef;
          const input = { connection, nick, idle: false, again: false, text: 'x', change: (what === 'leave' ? 'left' : what) as never };
          const known = facts({ id: agentIdOf('red') });
          const next =
            what === 'enter'
              ? enter(state, input, known)
              : what === 'leave' || what === 'lost'
                ? leave(state, input, known)
                : what === 'say'
                  ? say(state, input, known)
                  : show(state, input, known);
          state = next.state as typeof state;
          for (const { type, data, input: told } of next.effects as unknown as Shown[]) {
            if (type === 'emit' && data !== undefined) {
              // Without a gap: a gap means that something was lost.
              expect(data.sequence).toBe(++sequence);
              if (data.change === 'left' || data.change === 'lost') seen.delete(data.nick);
              else if (data.change !== undefined && data.change !== 'typing') seen.set(data.nick, data.change === 'idle');
            }
            if (type === 'tell' && told?.members !== undefined) {
              expect(told.sequence).toBe(sequence);
              expect(new Map(told.members.map((member) => [member.nick, member.idle]))).toEqual(seen);
            }
          }
          const members = [...state.members.values()];
          expect(new Map(members.map((member) => [member.nick, member.idle]))).toEqual(seen);
          expect(members.length).toBeLessThanOrEqual(limits.membersMax);
          expect(new Set(members.map((member) => member.nick.toLowerCase())).size).toBe(members.length);
          expect(state.history.length).toBeLessThanOrEqual(limits.historyMax);
        }
      }),
    );
  });
});

describe('a room alone', () => {
  test('watches who enters, tells it what there is, and everybody that it has come', async () => {
    const room = await testAgent(Room, { id: agentIdOf('red'), init: { limits }, epochMs: 5000 });
    onTestFinished(() => room.stop());
    expect(room.takeEffects()).toMatchObject([
      { type: 'emitted', topic: 'rooms.red.opened' },
      { type: 'timerStarted', action: 'endIfEmpty' },
    ]);
    const connection = room.stub(Connection);
    room.tell('enter', { connection, nick: 'ann', idle: false, again: false });
    room.tell('say', { connection, text: 'hello' });
    await room.run();
    const [watched, ...others] = room.takeEffects();
    expect(watched?.type === 'watched' && watched.ref.equals(connection)).toBe(true);
    expect(others).toMatchObject([
      { type: 'emitted', topic: 'rooms.red.presence', data: { sequence: 1, nick: 'ann', change: 'joined' } },
      { type: 'told', action: 'entered', input: { room: 'red', sequence: 1, members: [{ nick: 'ann', idle: false }], history: [] } },
      { type: 'emitted', topic: 'rooms.red.message', data: { sequence: 2, nick: 'ann', text: 'hello', epochMs: 5000 } },
    ]);
  });

  test('notices the end of a connection that said nothing, and ends itself when it has been empty for a minute', async () => {
    const room = await testAgent(Room, { id: agentIdOf('red'), init: { limits } });
    onTestFinished(() => room.stop());
    const connection = room.stub(Connection);
    await room.ask('enter', { connection, nick: 'ann', idle: false, again: false });
    await room.advance(120_000);
    expect(room.status).toBe('ready');
    await connection.stop();
    await room.run();
    expect(room.effectsOf('emitted').at(-1)).toMatchObject({ data: { nick: 'ann', change: 'lost' } });
    await room.advance(59_999);
    expect(room.status).toBe('ready');
    await room.advance(1);
    expect(room.status).toBe('stopped');
  });
});

describe('a connection alone', () => {
  /** What a connection uses of a WebSocket. */
  class Socket extends EventEmitter {
    readonly OPEN = 1;
    readonly CLOSED = 3;
    readyState = 1;
    bufferedAmount = 0;
    readonly sent: { type: string; code?: string; text?: string }[] = [];
    closed: readonly unknown[] | undefined;
    resume(): void {}
    ping(): void {}
    send(text: string): void {
      this.sent.push(JSON.parse(text));
    }
    close(...closed: readonly unknown[]): void {
      this.readyState = 2;
      this.closed ??= closed;
    }
  }
  async function connect() {
    const socket = new Socket();
    const init = { socket: socket as never, limits: resolveLimits({ bufferedBytesMax: 10_000 }), mayOpenRooms: () => true };
    const connection = await testAgent(Connection, { init });
    onTestFinished(() => connection.stop());
    const says = async (frame: object) => {
      socket.emit('message', Buffer.from(JSON.stringify(frame)), false);
      await connection.run();
    };
    const hears = async (what: string, data: object) => {
      connection.tell('heard', { topic: `rooms.red.${what}`, data: { room: 'red', ...data } } as never);
      await connection.run();
    };
    const entered = async (sequence: number) => {
      connection.tell('entered', { room: 'red', sequence, members: [], history: [] });
      await connection.run();
    };
    await says({ type: 'join', room: 'red', nick: 'ann' });
    return { socket, connection, says, hears, entered };
  }

  test('asks the room again when it has missed a signal, and when the room has come back', async () => {
    const { socket, connection, hears, entered } = await connect();
    await hears('message', { sequence: 4, text: 'too early' });
    await entered(4);
    await hears('message', { sequence: 4, text: 'told already' });
    await hears('message', { sequence: 5, text: 'five' });
    const before = connection.effectsOf('told').length;
    await hears('message', { sequence: 7, text: 'seven, and six was lost' });
    await hears('message', { sequence: 8, text: 'eight' });
    expect(connection.effectsOf('told').slice(before)).toMatchObject([{ action: 'enter', input: { nick: 'ann', again: true } }]);
    await entered(8);
    await hears('opened', {});
    expect(connection.effectsOf('told').slice(before + 1)).toMatchObject([{ action: 'enter', input: { nick: 'ann', again: true } }]);
    await entered(1);
    await hears('message', { sequence: 2, text: 'two' });
    expect(socket.sent.map(({ type, text }) => text ?? type)).toEqual(['room', 'five', 'room', 'room', 'two']);
  });

  test('hears nothing of a room any more once it has left it', async () => {
    const { socket, connection, says, entered } = await connect();
    await entered(1);
    expect(connection.effectsOf('subscribed')).toMatchObject([{ pattern: 'rooms.red.*', action: 'heard' }]);
    await says({ type: 'leave', room: 'red' });
    expect(connection.effectsOf('unsubscribed')).toMatchObject([{ pattern: 'rooms.red.*', action: 'heard' }]);
    expect(connection.effectsOf('told').at(-1)).toMatchObject({ action: 'leave', input: { change: 'left' } });
    await says({ type: 'say', room: 'red', text: 'hello' });
    expect(socket.sent.at(-1)).toMatchObject({ type: 'error', code: 'notJoined' });
  });

  test('enters again when the answer was lost, or the room has ended', async () => {
    const { connection, entered } = await connect();
    const entries = () => connection.effectsOf('told').filter(({ to, action }) => to.kind === 'room' && action === 'enter');
    await connection.advance(15_000);
    expect(entries()).toHaveLength(2);
    await entered(1);
    await connection.advance(15_000);
    expect(entries()).toHaveLength(2);
    const room = connection.effectsOf('told')[0]!.to;
    await room.stop();
    await connection.run();
    const told = entries();
    expect(told).toHaveLength(3);
    expect(told[2]!.to.equals(room)).toBe(false);
    expect(told[2]!.to.id).toBe(room.id);
  });

  test('leaves its rooms and ends when its socket closes, is silent or reads too slowly', async () => {
    for (const [how, change, closed] of [
      ['closes', 'left', [1001, 'the chat is shutting down']],
      ['is silent', 'lost', [4002, 'no sign of life']],
      ['is slow', 'lost', [4001, 'reads too slowly']],
    ] as const) {
      const { socket, connection, entered, hears } = await connect();
      await entered(1);
      if (how === 'closes') socket.emit('close', 1000);
      if (how === 'is silent') await connection.advance(45_000);
      if (how === 'is slow') {
        socket.bufferedAmount = 10_001;
        await hears('message', { sequence: 2, text: 'x' });
      }
      await connection.run();
      expect(connection.status).toBe('stopped');
      expect(connection.effectsOf('told').at(-1)).toMatchObject({ action: 'leave', input: { change } });
      expect(socket.closed).toEqual(closed);
    }
  });
});

test('a connection sends no more frames than its burst and its rate allow, and is closed when it does not stop', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 500 }), { maxLength: 300 }), (pauses) => {
      const bounds = resolveLimits({ framesPerSecond: 4, framesBurst: 6, refusalsMax: 3 });
      let budget = newFrameBudget(bounds, 0);
      let nowMs = 0;
      let refusals = 0;
      const admitted: number[] = [];
      for (const pause of pauses) {
        nowMs += pause;
        const next = spendFrame(budget, bounds, nowMs);
        budget = next.budget;
        refusals = next.outcome === 'admitted' ? 0 : refusals + 1;
        if (next.outcome === 'admitted') admitted.push(nowMs);
        expect(next.outcome === 'overrun').toBe(refusals > 3);
        // Of any stretch of time that ends now.
        for (const [index, startMs] of admitted.entries()) expect(admitted.length - index).toBeLessThanOrEqual(6 + ((nowMs - startMs) / 1000) * 4 + 1e-6);
      }
    }),
  );
});

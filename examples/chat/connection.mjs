/**
 * The agent of one connection, on the thread of the server, because it owns a WebSocket. It takes frames in and sends frames out, enters rooms and enters
 * them again when they were lost, and ends with its socket: rooms watch it, so that nobody stays in a room without being there. The socket is all it knows of
 * the network: `server.mjs` gives it one, a test gives it another.
 */
import { defineAgent } from 'nexus-agents';
import { newFrameBudget, spendFrame } from './frame-budget.mjs';
import { CLOSED, frame, REFUSED } from './frames.mjs';
import { agentIdOf, Room, roomOf, topicOf } from './room.mjs';

/**
 * @typedef {import('nexus-agents').AgentRef<typeof Room>} RoomRef
 * @typedef {object} Visit  One room of a connection.
 * @property {string} nick
 * @property {RoomRef | undefined} ref
 * @property {boolean} isInside  Only then signals of the room are passed on: before, what there is has not been told.
 * @property {boolean} wasInside
 * @property {number} sequence  Of the last signal of the room that was passed on.
 *
 * @typedef {object} ConnectionInit
 * @property {import('ws').WebSocket} socket  Paused; from now on it belongs to this agent.
 * @property {import('./limits.mjs').Limits} limits
 * @property {() => boolean} mayOpenRooms  Whether there may be one more room.
 *
 * @typedef {ConnectionInit & {
 *   visits: Map<string, Visit>, budget: import('./frame-budget.mjs').FrameBudget, activeMs: number, isIdle: boolean, silentHeartbeats: number
 * }} Connected
 * @typedef {import('nexus-agents').AgentContext} Context
 */

/** Codes with which a browser says goodbye: closed, gone to another page, closed without a reason. */
const GOODBYES = new Set([1000, 1001, 1005]);

export const Connection = defineAgent({
  kind: 'connection',
  // Nothing of a connection can be restarted: the browser makes a new one.
  supervision: { onFailure: 'stop' },
  /** @param {ConnectionInit} init @returns {Connected} */
  state: (init) => ({ ...init, visits: new Map(), budget: newFrameBudget(init.limits, 0), activeMs: 0, isIdle: false, silentHeartbeats: 0 }),
  onStart: (state, ctx) => {
    const { socket, limits } = state;
    state.activeMs = ctx.clock.nowMs();
    // Frames come as messages, in their order with everything else that happens to this connection.
    socket.on('message', (data, isBinary) => take(state, ctx, data, isBinary));
    socket.on('pong', () => {
      state.silentHeartbeats = 0;
    });
    // Too large a frame, or what is not WebSocket: `ws` closes with the code for it, and 'close' follows.
    socket.on('error', (error) => ctx.logger.info({ error }, 'a connection broke the protocol'));
    socket.on('close', (code) => {
      if (!ctx.signal.aborted) ctx.tell(ctx.self, 'end', GOODBYES.has(code) ? 'left' : 'lost');
    });
    ctx.timers.every(limits.heartbeatMs, 'beat');
    // It was cut off before it had an agent.
    if (socket.readyState === socket.CLOSED) ctx.stop();
    else socket.resume();
  },
  onStop: ({ socket }, reason) => {
    // It is closed already unless this agent failed or everything is being stopped.
    if (reason.type === 'failed') socket.close(...CLOSED.failed);
    else socket.close(...CLOSED.goingAway);
  },
  /** A room has ended: it was empty for too long while we were on our way, or its thread was given up. There will be another. */
  onTerminated: (state, { id }, ctx) => {
    const visit = state.visits.get(roomOf(id));
    if (visit === undefined) return;
    visit.ref = undefined;
    visit.isInside = false;
    ctx.tell(ctx.self, 'enter', roomOf(id));
  },
  actions: {
    /** A frame of the browser, once it has passed the validator. */
    received: {
      input: frame,
      handler: (state, received, ctx) => {
        const visit = state.visits.get(received.room);
        if (received.type === 'join') {
          if (visit !== undefined) return refuse(state, ctx, 'alreadyJoined', received.room);
          if (state.visits.size >= state.limits.roomsOfConnectionMax) return refuse(state, ctx, 'tooManyRooms', received.room);
          state.visits.set(received.room, { nick: received.nick, ref: undefined, isInside: false, wasInside: false, sequence: 0 });
          return enter(state, ctx, received.room);
        }
        if (visit === undefined) return refuse(state, ctx, 'notJoined', received.room);
        if (received.type === 'leave') {
          forget(state, ctx, received.room, 'left');
          return send(state, ctx, JSON.stringify({ type: 'left', room: received.room }));
        }
        if (visit.ref === undefined || !visit.isInside) return refuse(state, ctx, 'unavailable', received.room);
        const outcome =
          received.type === 'say'
            ? ctx.tell(visit.ref, 'say', { connection: ctx.self, text: received.text })
            : ctx.tell(visit.ref, 'show', { connection: ctx.self, change: 'typing' });
        if (outcome !== 'accepted') refuse(state, ctx, 'unavailable', received.room);
      },
    },

    /** A signal of one of our rooms. @param {import('nexus-agents').Signal<any>} signal */
    heard: (state, signal, ctx) => {
      const [, room = '', what] = signal.topic.split('.');
      const visit = state.visits.get(room);
      if (visit === undefined) return;
      // The room has come back and knows nobody; or a signal was dropped on its way. Either way: begin anew.
      if (what === 'opened' || (visit.isInside && signal.data.sequence > visit.sequence + 1)) {
        visit.isInside = false;
        return enter(state, ctx, room);
      }
      // Not told yet what there is, or part of what we were told.
      if (!visit.isInside || signal.data.sequence <= visit.sequence) return;
      visit.sequence = signal.data.sequence;
      send(state, ctx, textOf(signal.data, what === 'message' ? 'message' : 'presence'));
    },

    /** A room says what there is: we are in. @param {{ room: string, sequence: number, members: unknown[], history: unknown[] }} told */
    entered: (state, { room, sequence, members, history }, ctx) => {
      const visit = state.visits.get(room);
      if (visit === undefined) return;
      visit.isInside = true;
      visit.wasInside = true;
      visit.sequence = sequence;
      send(state, ctx, JSON.stringify({ type: 'room', room, nick: visit.nick, members, history }));
    },

    /** A room does not let us in, or not take a message. @param {{ room: string, code: keyof typeof REFUSED }} told */
    refused: (state, { room, code }, ctx) => {
      refuse(state, ctx, code, room);
      if (code === 'unavailable') return;
      // Somebody took our name or place while the room was away.
      if (state.visits.get(room)?.wasInside) send(state, ctx, JSON.stringify({ type: 'left', room }));
      forget(state, ctx, room, 'left');
    },

    /** @param {string} room */
    enter: (state, room, ctx) => enter(state, ctx, room),

    beat: async (state, _input, ctx) => {
      const { socket, limits, visits } = state;
      if (state.silentHeartbeats >= limits.silentHeartbeatsMax) return end(state, ctx, CLOSED.silent);
      state.silentHeartbeats++;
      socket.ping();
      if (!state.isIdle && ctx.clock.nowMs() - state.activeMs >= limits.idleMs) showIdle(state, ctx, true);
      // What we asked for was lost with a thread, or with a room that ended just then.
      for (const [room, visit] of visits) if (!visit.isInside) await enter(state, ctx, room);
    },

    /** The socket has closed. @param {'left' | 'lost'} change */
    end: (state, change, ctx) => {
      for (const room of [...state.visits.keys()]) forget(state, ctx, room, change);
      ctx.stop();
    },
  },
});

/**
 * A frame of the browser, not yet looked at. This runs in an event of the socket: it changes nothing but the budget.
 * @param {Connected} state
 * @param {Context} ctx
 * @param {import('ws').RawData} data
 * @param {boolean} isBinary
 */
function take(state, ctx, data, isBinary) {
  if (ctx.signal.aborted) return;
  state.silentHeartbeats = 0;
  const { budget, outcome } = spendFrame(state.budget, state.limits, ctx.clock.nowMs());
  state.budget = budget;
  if (outcome === 'overrun') return end(state, ctx, CLOSED.overrun);
  if (outcome === 'refused') return refuse(state, ctx, 'tooFast');
  state.activeMs = ctx.clock.nowMs();
  if (state.isIdle) showIdle(state, ctx, false);
  let received;
  try {
    received = isBinary ? undefined : JSON.parse(data.toString());
  } catch {
    received = undefined;
  }
  // An ask, because it says what was wrong with the frame.
  ctx.self.ask('received', received).catch((error) => {
    if (error.code === 'NEXUS_INPUT_INVALID') refuse(state, ctx, 'badFrame', undefined, error.data.issues);
    else if (error.code === 'NEXUS_MAILBOX_FULL' || error.code === 'NEXUS_ASKS_TOO_MANY') refuse(state, ctx, 'tooFast');
    // Else the agent has failed or ended, and closes the socket.
  });
}

/**
 * On the way into a room: subscribed first, so that nothing is missed, then the room is told. It answers `entered` or `refused`.
 * @param {Connected} state
 * @param {Context} ctx
 * @param {string} room
 */
async function enter(state, ctx, room) {
  const visit = state.visits.get(room);
  if (visit === undefined) return;
  if (visit.ref === undefined) {
    try {
      if (ctx.find(agentIdOf(room)) === undefined && !state.mayOpenRooms()) throw new Error('there are as many rooms as there may be');
      visit.ref = await ctx.getOrSpawn(Room, agentIdOf(room), { init: { limits: state.limits } });
    } catch (error) {
      ctx.logger.warn({ error, room }, 'a room could not be opened');
      if (!visit.wasInside) forget(state, ctx, room, 'left');
      return refuse(state, ctx, 'unavailable', room);
    }
    ctx.watch(visit.ref);
    ctx.subscribe(topicOf(room, '*'), 'heard');
  }
  ctx.tell(visit.ref, 'enter', { connection: ctx.self, nick: visit.nick, idle: state.isIdle, again: visit.wasInside });
}

/**
 * @param {Connected} state
 * @param {Context} ctx
 * @param {string} room
 * @param {'left' | 'lost'} change
 */
function forget(state, ctx, room, change) {
  const visit = state.visits.get(room);
  state.visits.delete(room);
  if (visit?.ref === undefined) return;
  ctx.unsubscribe(topicOf(room, '*'), 'heard');
  ctx.unwatch(visit.ref);
  ctx.tell(visit.ref, 'leave', { connection: ctx.self, change });
}

/**
 * @param {Connected} state
 * @param {Context} ctx
 * @param {boolean} isIdle
 */
function showIdle(state, ctx, isIdle) {
  state.isIdle = isIdle;
  for (const { ref } of state.visits.values()) if (ref !== undefined) ctx.tell(ref, 'show', { connection: ctx.self, change: isIdle ? 'idle' : 'active' });
}

/**
 * @param {Connected} state
 * @param {Context} ctx
 * @param {keyof typeof REFUSED} code
 * @param {string} [room]
 * @param {unknown} [issues]
 */
function refuse(state, ctx, code, room, issues) {
  send(state, ctx, JSON.stringify({ type: 'error', code, message: REFUSED[code], room, issues }));
}

/**
 * @param {Connected} state
 * @param {Context} ctx
 * @param {string} text
 */
function send(state, ctx, text) {
  const { socket, limits } = state;
  if (socket.readyState !== socket.OPEN) return;
  if (socket.bufferedAmount > limits.bufferedBytesMax) return end(state, ctx, CLOSED.tooSlow);
  socket.send(text);
}

/**
 * We close the connection. Its rooms do not wait for the other side to agree.
 * @param {Connected} state
 * @param {Context} ctx
 * @param {readonly [number, string]} closed
 */
function end({ socket }, ctx, closed) {
  socket.close(...closed);
  ctx.tell(ctx.self, 'end', 'lost');
}

/** All connections of this thread get the same object from a signal: it is made text once. @type {WeakMap<object, string>} */
const texts = new WeakMap();

/**
 * @param {object} data
 * @param {'message' | 'presence'} type
 */
function textOf(data, type) {
  let text = texts.get(data);
  if (text === undefined) {
    text = JSON.stringify({ type, ...data });
    texts.set(data, text);
  }
  return text;
}

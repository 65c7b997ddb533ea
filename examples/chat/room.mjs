/**
 * The agent of a room, on any thread: who is there, the last messages, and one order of everything that happens. Its actions are decisions: they return the
 * next state and effects, and a test needs no runtime to call them. It knows connections by their references only.
 *
 * Everything a room emits has the next number of the room, so that a connection that has missed something notices it. Messages and members are in memory:
 * a room that comes back, because its agent or its thread was lost, says `opened` and its connections enter again.
 */
import { defineAgent, effect } from 'nexus-agents';

const ID_PREFIX = 'room/';

/** @param {string} room */
export const agentIdOf = (room) => ID_PREFIX + room;

/** @param {string} agentId */
export const roomOf = (agentId) => agentId.slice(ID_PREFIX.length);

/**
 * @param {string} room
 * @param {'message' | 'presence' | 'opened' | '*'} what
 */
export const topicOf = (room, what) => `rooms.${room}.${what}`;

/**
 * @typedef {import('nexus-agents').AgentRef} Ref
 * @typedef {{ readonly connection: Ref, readonly nick: string, readonly idle: boolean }} Member
 * @typedef {{ readonly room: string, readonly sequence: number, readonly nick: string, readonly text: string, readonly epochMs: number }} Message
 * @typedef {{ readonly room: string, readonly sequence: number, readonly nick: string, readonly change: string }} Presence
 *   `change`: joined, returned (with a room that came back), left, lost (without goodbye), idle, active, typing
 * @typedef {object} RoomState
 * @property {import('./limits.mjs').Limits} limits
 * @property {ReadonlyMap<string, Member>} members  By the id of the agent of their connection.
 * @property {readonly Message[]} history  The oldest first.
 * @property {number} sequence  Of the last signal.
 */

/**
 * Idempotent: who is in already is told again what there is.
 * @param {RoomState} state
 * @param {{ connection: Ref, nick: string, idle: boolean, again: boolean }} input `again`: it was in this room before
 * @param {import('nexus-agents').Facts} facts
 */
export function enter(state, { connection, nick, idle, again }, facts) {
  const room = roomOf(facts.id);
  if (state.members.has(connection.id)) return { state, effects: [told(connection, room, state)] };
  const refuse = (/** @type {string} */ code) => ({ state, effects: [effect.tell(connection, 'refused', { room, code })] });
  if (state.members.size >= state.limits.membersMax) return refuse('roomFull');
  for (const member of state.members.values()) if (sameNick(member.nick, nick)) return refuse('nickTaken');
  const members = new Map(state.members).set(connection.id, { connection, nick, idle });
  const next = { ...state, members, sequence: state.sequence + 1 };
  return { state: next, effects: [effect.watch(connection), presence(room, next, nick, again ? 'returned' : 'joined'), told(connection, room, next)] };
}

/**
 * @param {RoomState} state
 * @param {{ connection: Ref, change: 'left' | 'lost' }} input
 * @param {import('nexus-agents').Facts} facts
 */
export function leave(state, { connection, change }, facts) {
  const member = state.members.get(connection.id);
  if (member === undefined) return { state, effects: [] };
  const members = new Map(state.members);
  members.delete(connection.id);
  const next = { ...state, members, sequence: state.sequence + 1 };
  const effects = [effect.unwatch(connection), presence(roomOf(facts.id), next, member.nick, change)];
  if (members.size === 0) effects.push(effect.after(state.limits.emptyRoomMs, 'endIfEmpty', next.sequence));
  return { state: next, effects };
}

/**
 * @param {RoomState} state
 * @param {{ connection: Ref, text: string }} input
 * @param {import('nexus-agents').Facts} facts
 */
export function say(state, { connection, text }, facts) {
  const member = state.members.get(connection.id);
  // It was let in by an earlier life of this room, and is about to enter again.
  if (member === undefined) return { state, effects: [effect.tell(connection, 'refused', { room: roomOf(facts.id), code: 'unavailable' })] };
  const sequence = state.sequence + 1;
  const message = { room: roomOf(facts.id), sequence, nick: member.nick, text, epochMs: facts.epochMs };
  const history = state.limits.historyMax === 0 ? [] : [...state.history, message].slice(-state.limits.historyMax);
  return { state: { ...state, sequence, history }, effects: [effect.emit(topicOf(message.room, 'message'), message)] };
}

/**
 * @param {RoomState} state
 * @param {{ connection: Ref, change: 'idle' | 'active' | 'typing' }} input
 * @param {import('nexus-agents').Facts} facts
 */
export function show(state, { connection, change }, facts) {
  const member = state.members.get(connection.id);
  if (member === undefined) return { state, effects: [] };
  const members = change === 'typing' ? state.members : new Map(state.members).set(connection.id, { ...member, idle: change === 'idle' });
  const next = { ...state, members, sequence: state.sequence + 1 };
  return { state: next, effects: [presence(roomOf(facts.id), next, member.nick, change)] };
}

/**
 * @param {RoomState} state
 * @param {number} sequence of the room when it became empty
 */
export const endIfEmpty = (state, sequence) => ({ state, effects: state.members.size === 0 && state.sequence === sequence ? [effect.stop()] : [] });

export const Room = defineAgent({
  kind: 'room',
  /** @param {{ limits: import('./limits.mjs').Limits }} init @returns {RoomState} */
  state: ({ limits }) => ({ limits, members: new Map(), history: [], sequence: 0 }),
  onStart: ({ limits }, ctx) => {
    // Connections that were in an earlier life of this room enter again.
    ctx.emit(topicOf(roomOf(ctx.id), 'opened'));
    ctx.timers.after(limits.emptyRoomMs, 'endIfEmpty', 0);
  },
  /** A connection has ended and could not say so: it failed, or everything is being stopped. */
  onTerminated: (_state, { ref }, ctx) => void ctx.tell(ctx.self, 'leave', { connection: ref, change: 'lost' }),
  queries: {
    nicks: (state) => [...state.members.values()].map(({ nick }) => nick),
  },
  actions: {
    enter: { decide: enter },
    leave: { decide: leave },
    say: { decide: say },
    show: { decide: show },
    endIfEmpty: { decide: endIfEmpty },
  },
});

/** @param {string} a @param {string} b */
const sameNick = (a, b) => a.normalize('NFKC').toLowerCase() === b.normalize('NFKC').toLowerCase();

/**
 * @param {string} room
 * @param {RoomState} state
 * @param {string} nick
 * @param {string} change
 */
const presence = (room, { sequence }, nick, change) => effect.emit(topicOf(room, 'presence'), { room, sequence, nick, change });

/**
 * What there is, to who has entered. In order with the signals of this room: it is a message of the same agent.
 * @param {Ref} connection
 * @param {string} room
 * @param {RoomState} state
 */
function told(connection, room, { members, history, sequence }) {
  const present = [...members.values()].map(({ nick, idle }) => ({ nick, idle }));
  return effect.tell(connection, 'entered', { room, sequence, members: present, history });
}

/**
 * What a browser may send, as a validator that the action `received` of a connection declares: what does not fit never reaches a handler. And the two ways
 * to refuse something. What goes the other way is listed in the README.
 */
import { z } from 'zod';

export const ROOM_CHARACTERS_MAX = 32;
export const NICK_CHARACTERS_MAX = 24;
export const TEXT_CHARACTERS_MAX = 2000;

/** A token of a topic, and part of an agent's id. */
const room = z.string().regex(new RegExp(`^[\\p{L}\\p{N}_-]{1,${ROOM_CHARACTERS_MAX}}$`, 'u'), `is not 1 to ${ROOM_CHARACTERS_MAX} letters, digits, - and _`);
/** Anything that can be seen: whoever shows it has to escape it. */
const nick = z
  .string()
  .trim()
  .min(1)
  .max(NICK_CHARACTERS_MAX)
  .regex(/^[^\p{C}\p{Zl}\p{Zp}]*$/u, 'has characters that cannot be seen');
const text = z
  .string()
  .min(1)
  .max(TEXT_CHARACTERS_MAX)
  .refine((value) => value.trim() !== '', 'is empty');

export const frame = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('join'), room, nick }),
  z.strictObject({ type: z.literal('leave'), room }),
  z.strictObject({ type: z.literal('say'), room, text }),
  z.strictObject({ type: z.literal('typing'), room }),
]);

/** Codes of the frame `error`: the connection goes on. */
export const REFUSED = Object.freeze({
  badFrame: 'this is not a frame of the chat',
  tooFast: 'too many frames: wait a little',
  alreadyJoined: 'you are in this room, or on your way into it',
  notJoined: 'you are not in this room',
  tooManyRooms: 'you are in as many rooms as a connection may be',
  roomFull: 'the room is full',
  nickTaken: 'somebody in this room has this name',
  unavailable: 'not now: try again',
});

/** Codes of the close of a connection: those of RFC 6455, and 4000 to 4999 of our own. */
export const CLOSED = Object.freeze({
  goingAway: [1001, 'the chat is shutting down'],
  failed: [1011, 'the connection has failed'],
  overrun: [4000, 'refused too often'],
  tooSlow: [4001, 'reads too slowly'],
  silent: [4002, 'no sign of life'],
});

/** `/console/follow`: the messages of one agent as its handlers are done with them. */
import type { WebSocket } from 'ws';
import type { Clock } from '../ports/clock.js';
import type { ConsoleNexus } from './console-nexus.js';
import type { BeginSocket } from './console-sockets.js';
import { FollowedFrames } from './followed-frames.js';
import type { FollowMessage } from './protocol.js';

const MESSAGES_PER_SECOND_MAX = 200;
const WAITING_BYTES_MAX = 262_144;
const FLUSH_MS = 1000;
const GOING_AWAY = 1001;

export function followSocket(nexus: Pick<ConsoleNexus, 'follow'>, clock: Clock, id: string): BeginSocket {
  return (socket: WebSocket) => {
    const frames = new FollowedFrames({
      messagesPerSecondMax: MESSAGES_PER_SECOND_MAX,
      waitingBytesMax: WAITING_BYTES_MAX,
      nowMs: () => clock.nowMs(),
      waitingBytes: () => socket.bufferedAmount,
      send: (frame) => socket.send(frame),
    });
    const flushes = setInterval(() => frames.flush(), FLUSH_MS).unref();
    let hasEnded = false;
    let unfollow: (() => void) | undefined;
    nexus.follow(id, (message) => frames.message(message)).then(
      (end) => {
        if (hasEnded) return end();
        unfollow = end;
        socket.send(JSON.stringify({ type: 'following', id } satisfies FollowMessage));
      },
      (error: unknown) => socket.close(GOING_AWAY, reasonOf(error)),
    );
    return () => {
      hasEnded = true;
      clearInterval(flushes);
      unfollow?.();
    };
  };
}

/** A reason has at most 123 bytes. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return Buffer.from(text).subarray(0, 120).toString().replace(/\uFFFD+$/, '');
}

/** `/console/follow`: the messages of one agent as its handlers are done with them. */
import type { WebSocket } from 'ws';
import type { Logger } from '../model/agent-context.js';
import type { FollowEvent } from '../model/observation.js';
import type { Clock } from '../ports/clock.js';
import type { ConsoleNexus } from './console-nexus.js';
import type { BeginSocket } from './console-sockets.js';
import { FollowedFrames } from './followed-frames.js';
import type { FollowMessage } from './protocol.js';

export interface FollowSocketNeeds {
  readonly nexus: Pick<ConsoleNexus, 'follow'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

const MESSAGES_PER_SECOND_MAX = 200;
const WAITING_BYTES_MAX = 262_144;
const FLUSH_MS = 1000;
const GOING_AWAY = 1001;

export function followSocket({ nexus, clock, logger }: FollowSocketNeeds, id: string): BeginSocket {
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
    let unfollow: (() => Promise<void>) | undefined;
    const listener = (event: FollowEvent): void => {
      if (event.type === 'message') frames.message(event.message);
      else if (event.type === 'dropped') frames.dropped(event.count);
      else {
        frames.flush();
        socket.send(JSON.stringify({ type: 'ended' } satisfies FollowMessage));
        socket.close(GOING_AWAY, 'the agent has ended');
      }
    };
    const end = (stop: () => Promise<void>): void => {
      // The thread of the agent may have gone, and with it what followed.
      stop().catch((error: unknown) => logger.debug({ id, error }, 'an agent could not be left alone again'));
    };
    nexus.follow(id, listener).then(
      (stop) => {
        if (hasEnded) return end(stop);
        unfollow = stop;
        socket.send(JSON.stringify({ type: 'following', id } satisfies FollowMessage));
      },
      (error: unknown) => socket.close(GOING_AWAY, reasonOf(error)),
    );
    return () => {
      hasEnded = true;
      clearInterval(flushes);
      if (unfollow !== undefined) end(unfollow);
    };
  };
}

/** A reason has at most 123 bytes. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return Buffer.from(text)
    .subarray(0, 120)
    .toString()
    .replace(/\uFFFD+$/, '');
}

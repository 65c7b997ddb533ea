/** What is sent to clients that are slow. */
import { FollowedFrames } from '../../../dist/ts-src/console/followed-frames.js';
import { NewestFrame } from '../../../dist/ts-src/console/newest-frame.js';
import type { FollowedMessage } from '../../../dist/ts-src/model/observation.js';
import { expect, test } from 'vitest';

test('a client that is slow gets the newest snapshot, and no queue grows for it', () => {
  const sent: string[] = [];
  const done: (() => void)[] = [];
  let made = 0;
  const frames = new NewestFrame({ send: (data, taken) => void (sent.push(data), done.push(() => taken())) });
  for (let number = 1; number <= 1000; number++) {
    frames.offer(() => {
      made++;
      return String(number);
    });
  }
  expect([sent, made]).toEqual([['1'], 1]);
  done.shift()?.();
  expect([sent, made]).toEqual([['1', '1000'], 2]);
  done.shift()?.();
  frames.offer(() => 'next');
  expect(sent).toEqual(['1', '1000', 'next']);
});

const message = (number: number): FollowedMessage => ({ id: String(number) }) as FollowedMessage;

test('messages of a followed agent that are too many are left out and counted where they were', () => {
  let nowMs = 0;
  let waiting = 0;
  const sent: { type: string; count?: number; message?: FollowedMessage }[] = [];
  const frames = new FollowedFrames({
    messagesPerSecondMax: 3,
    waitingBytesMax: 100,
    nowMs: () => nowMs,
    waitingBytes: () => waiting,
    send: (frame) => void sent.push(JSON.parse(frame)),
  });
  const told = (): (string | number | undefined)[] => sent.splice(0).map(({ count, message: own }) => count ?? own?.id);
  for (let number = 1; number <= 5; number++) frames.message(message(number));
  expect(told()).toEqual(['1', '2', '3']);
  nowMs = 1000;
  frames.message(message(6));
  expect(told()).toEqual([2, '6']);
  waiting = 101;
  frames.message(message(7));
  frames.dropped(10);
  frames.flush();
  expect(told()).toEqual([]);
  waiting = 0;
  frames.flush();
  frames.flush();
  expect(told()).toEqual([11]);
});

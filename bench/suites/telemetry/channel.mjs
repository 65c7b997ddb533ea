/** A listener is told of each message. */
import { subscribe } from 'nexus-agents/telemetry';
import { tellWatched } from './telling.mjs';

export function run(size, report) {
  let heardMs = 0;
  return tellWatched(size, report, {}, () => {
    subscribe('nexus:message:processed', ({ durationMs }) => {
      heardMs += durationMs;
    });
  }).finally(() => report.note('heard', `${heardMs.toFixed(0)} ms in handlers`));
}

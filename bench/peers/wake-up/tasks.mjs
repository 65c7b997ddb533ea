/** The bare wake-ups as floors for the parked ask, where they can be compiled. */
import { whatIsMissing } from './build.mjs';

const PEERS = [
  { peer: 'bare-futex', how: 'FUTEX_WAKE and FUTEX_WAIT between two threads of C++' },
  { peer: 'bare-eventfd', how: 'an eventfd and an epoll for each of two threads of C++' },
  { peer: 'bare-uv-async', how: 'uv_async_send between two libuv loops, without JavaScript' },
  { peer: 'bare-uv-async-js', how: 'the same between the event loops of the calling thread and a worker, with an empty JavaScript function at each end' },
];

/** @param {string} suite */
export function wakeUpTasks(suite) {
  if (suite !== 'cross-thread') return { peers: [], missing: [] };
  const reason = whatIsMissing();
  if (reason !== undefined) return { peers: [], missing: [{ peer: 'bare-futex, bare-eventfd and bare-uv-async', reason }] };
  const module = new URL('./run.mjs', import.meta.url).href;
  return { peers: PEERS.map(({ peer, how }) => ({ peer, role: 'floor', module, job: `a wake-up there and back without any data: ${how}` })), missing: [] };
}

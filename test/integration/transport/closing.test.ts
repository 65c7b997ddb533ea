/** A transport that closes waits for nobody who does not take anything from it any more. */
import { expect, test } from 'vitest';
import { until } from '../../until.js';
import { websocketTransports } from './websocket-transports.js';

const LEAVES = { name: 'a', incarnation: 1 };
const STAYS = { name: 'b', incarnation: 1 };
/** Longer than the test waits. */
const DEADLINE_MS = 600_000;

test.each(['has removed it', 'is gone itself'])('what waits for a node that %s is given up when the transport closes, not waited for', async (why) => {
  const network = websocketTransports();
  try {
    const leaves = await network.open(LEAVES);
    const stays = await network.open(STAYS);
    stays.transport.admit(LEAVES, leaves.transport.address);
    leaves.transport.admit(STAYS, stays.transport.address);
    if (why === 'has removed it') stays.transport.forget(LEAVES);
    else await stays.transport.close(0);
    expect(leaves.transport.send(STAYS, 'normal', { channel: 1, value: 'too late' })).toBe('accepted');
    let isClosed = false;
    const closed = leaves.transport.close(DEADLINE_MS).then(() => {
      isClosed = true;
    });
    await until(() => isClosed);
    await closed;
    expect(leaves.transport.statistics().find(({ node }) => node.name === STAYS.name)).toMatchObject({ lostMessages: 1 });
  } finally {
    await network.close();
  }
});

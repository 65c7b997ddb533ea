/** Tells on the calling thread, from outside and from a handler: the same work for whoever watches it. */
import { defineAgent } from 'nexus-agents';
import { assertDone, throughput } from '../../harness/measure.mjs';
import { openNexus } from '../open-nexus.mjs';
import { CTX_TELL, TELL } from './case-names.mjs';

const BATCH = 1000;

const Told = defineAgent({
  kind: 'told',
  state: () => ({ count: 0 }),
  actions: {
    add(state, by) {
      state.count += by;
    },
    read: (state) => state.count,
    forward(_state, { target, count }, ctx) {
      for (let index = 0; index < count; index++) ctx.tell(target, 'add', 1);
    },
  },
});

export async function tellWatched(size, report, options, watch = () => undefined) {
  const nexus = await openNexus(report, { agents: [Told], threads: 0, ...options });
  watch();
  const [target, sender] = [await nexus.spawn(Told), await nexus.spawn(Told)];
  report.value(TELL, 'messages/s', await throughput(size, (n) => counted(target, n, () => tellMany(target))));
  report.value(CTX_TELL, 'messages/s', await throughput(size, (n) => counted(target, n, () => sender.ask('forward', { target, count: BATCH }))));
  await nexus.stop();
}

function tellMany(target) {
  for (let index = 0; index < BATCH; index++) target.tell('add', 1);
}

async function counted(target, n, send) {
  const before = await target.ask('read');
  for (let sent = 0; sent < n; sent += BATCH) {
    await send();
    const handled = (await target.ask('read')) - before;
    assertDone(handled === sent + BATCH, `handled ${handled} of ${sent + BATCH}`);
  }
}

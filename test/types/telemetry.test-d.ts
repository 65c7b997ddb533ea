/** What the compiler knows of events and of tracing. Checked by `tsc -p test/tsconfig.json`, never run. */
import { createNexus } from 'nexus-agents';
import { subscribe, type TelemetryEvents } from 'nexus-agents/telemetry';

type Equals<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_equal: Equals<A, B>): void {}

const end = subscribe('nexus:message:processed', (event) => {
  same<typeof event, TelemetryEvents['nexus:message:processed']>(true);
  same<typeof event.outcome, 'handled' | 'failed' | 'refused'>(true);
  same<typeof event.durationMs, number>(true);
  // @ts-expect-error
  event.durationMs = 1;
});
same<typeof end, () => void>(true);
// @ts-expect-error
subscribe('nexus:message:handled', () => undefined);
// @ts-expect-error
subscribe('nexus:agent:started', ({ reason }) => reason);

void createNexus({ agents: [], tracing: {} });
void createNexus({ agents: [], tracing: { ratio: 0.01, tracesPerSecondMax: 10 } });
// @ts-expect-error
void createNexus({ agents: [], tracing: true });
// @ts-expect-error
void createNexus({ agents: [], tracing: { ratio: '1 %' } });

/** What the compiler knows of looking into a running nexus. Checked by `tsc -p test/tsconfig.json`, never run. */
import type { ActionSnapshot, AgentInspection, AgentRef, AnyAgent, FollowEvent, Nexus, SystemSnapshot, ThreadSnapshot } from 'nexus-agents';

type Equals<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_equal: Equals<A, B>): void {}

export async function look(nexus: Nexus, agent: AgentRef<AnyAgent>): Promise<void> {
  const snapshot = await nexus.snapshot();
  same<typeof snapshot, SystemSnapshot>(true);
  same<(typeof snapshot.threads)[number], ThreadSnapshot>(true);
  same<(typeof snapshot.actions)[number], ActionSnapshot>(true);
  // @ts-expect-error a snapshot is not changed
  snapshot.periodMs = 1;
  for await (const each of nexus.snapshots({ intervalMs: 500 })) same<typeof each, SystemSnapshot>(true);
  // @ts-expect-error no such option
  nexus.snapshots({ interval: 500 });
  const inspection = await nexus.inspect(agent, { textBytesMax: 10 });
  same<typeof inspection, AgentInspection>(true);
  await nexus.inspect('id');
  // @ts-expect-error neither an id nor a reference
  await nexus.inspect(5);
  same<ReturnType<Nexus['pause']>, Promise<void>>(true);
  await nexus.pause(agent);
  await nexus.resume('id');
  const end = await nexus.follow('id', (event) => {
    same<typeof event, FollowEvent>(true);
    if (event.type === 'dropped') same<typeof event.count, number>(true);
    // @ts-expect-error only of a message
    else event.message;
  });
  same<typeof end, () => Promise<void>>(true);
}

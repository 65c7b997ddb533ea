/** Imports the modules that define agents. Used by the calling thread and by every worker. */
import { NexusError } from '../errors.js';
import { type AnyAgent, isAgentDefinition } from '../model/agent-definition.js';
import { sensorKindsOf } from '../model/skill.js';

/**
 * The definitions that the modules export, in the order of the modules and of their exports' names, which is the same on every thread; then the sensors of their skills.
 * @throws NexusError NEXUS_MODULE_FAILED, NEXUS_MODULE_EMPTY, NEXUS_KIND_DUPLICATE, which name the file
 */
export async function importDefinitions(modules: readonly string[]): Promise<AnyAgent[]> {
  const found: AnyAgent[] = [];
  const origins = new Map<string, string>();
  for (const url of modules) {
    let exports: Record<string, unknown>;
    try {
      exports = await importOf(url);
    } catch (cause) {
      throw new NexusError('NEXUS_MODULE_FAILED', `${url} could not be imported: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`, {
        cause,
        data: { module: url },
      });
    }
    const definitions = new Set(Object.values(exports).filter(isAgentDefinition));
    if (definitions.size === 0)
      throw new NexusError('NEXUS_MODULE_EMPTY', `${url} exports no agent definition: export what defineAgent returns`, { data: { module: url } });
    for (const definition of definitions) {
      const origin = origins.get(definition.kind);
      // The same definition exported again by another module is no second one.
      if (origin !== undefined && found.includes(definition)) continue;
      if (origin !== undefined) throw duplicateKind(definition.kind, origin, url);
      origins.set(definition.kind, url);
      found.push(definition);
    }
  }
  return withSensors(found, found);
}

/** A module that waits at its top level for what never comes never settles: the thread would end, with exit code 13 and not a word about it. */
function importOf(url: string): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const stuck = (): void =>
      reject(
        new Error(
          'it waits at its top level for what never comes, such as the createNexus that it is itself given to. Define agents in a module of their own, which starts nothing',
        ),
      );
    process.once('beforeExit', stuck);
    import(url).then(resolve, reject).finally(() => process.off('beforeExit', stuck));
  });
}

/**
 * `definitions`, and behind them the kinds of their skills' sensors that are not among `known`: who uses a skill need not know its sensors.
 * @throws NexusError NEXUS_KIND_DUPLICATE
 */
export function withSensors(definitions: readonly AnyAgent[], known: readonly AnyAgent[]): AnyAgent[] {
  const all = [...definitions];
  // Those that are added have their turn, too.
  for (const definition of all) {
    for (const sensor of sensorKindsOf(definition)) {
      if (known.includes(sensor) || all.includes(sensor)) continue;
      if ([...known, ...all].some(({ kind }) => kind === sensor.kind))
        throw duplicateKind(sensor.kind, 'a module or definition in agents', `a sensor of a skill of '${definition.kind}'`);
      all.push(sensor);
    }
  }
  return all;
}

export function duplicateKind(kind: string, first: string, second: string): NexusError {
  return new NexusError('NEXUS_KIND_DUPLICATE', `kind '${kind}' is defined twice: in ${first} and in ${second}; rename one`, { data: { kind } });
}

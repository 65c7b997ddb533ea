/** Imports the modules that define agents. Used by the calling thread and by every worker. */
import { NexusError } from '../errors.js';
import { type AnyAgent, isAgentDefinition } from '../model/agent-definition.js';

/**
 * The definitions that the modules export, in the order of the modules and of their exports' names, which is the same on every thread.
 * @throws NexusError NEXUS_MODULE_FAILED, NEXUS_MODULE_EMPTY, NEXUS_KIND_DUPLICATE, which name the file
 */
export async function importDefinitions(modules: readonly string[]): Promise<AnyAgent[]> {
  const found: AnyAgent[] = [];
  const origins = new Map<string, string>();
  for (const url of modules) {
    let exports: Record<string, unknown>;
    try {
      exports = (await import(url)) as Record<string, unknown>;
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
  return found;
}

export function duplicateKind(kind: string, first: string, second: string): NexusError {
  return new NexusError('NEXUS_KIND_DUPLICATE', `kind '${kind}' is defined twice: in ${first} and in ${second}`, { data: { kind } });
}

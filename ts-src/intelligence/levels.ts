/** The levels there are: a closed list. `defineAgent` looks a level up by its name. */
import { NexusTypeError } from '../errors.js';
import { didYouMean } from '../model/nearest-name.js';
import type { Level } from './level.js';
import { reactive } from './reactive.js';

const LEVELS: readonly Level[] = [reactive];

/**
 * Without a name the lowest one.
 * @throws NexusTypeError NEXUS_DEFINITION_INVALID, which lists the levels there are
 */
export function levelOf(kind: string, name: unknown): Level {
  if (name === undefined) return reactive;
  const level = LEVELS.find((known) => known.name === name);
  if (level !== undefined) return level;
  const names = LEVELS.map((known) => known.name);
  const hint = typeof name === 'string' ? didYouMean(name, names) : '.';
  throw new NexusTypeError(
    'NEXUS_DEFINITION_INVALID',
    `defineAgent: level of '${kind}' is ${JSON.stringify(name) ?? String(name)}, which there is not${hint} Levels are ${names.join(', ')}`,
  );
}

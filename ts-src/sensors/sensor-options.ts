/** The checks that the options of all built-in sensors share. An `init` at the spawn may replace any of them but those with the machine. */
import { optionError, valueText } from '../errors.js';
import { SENSOR_PERIOD_MS_MAX } from '../model/define-sensor.js';
import type { Supervision } from '../model/agent-definition.js';
import { checkNames } from '../model/nearest-name.js';
import type { SignalScope } from '../model/signal.js';
import { checkTopic, TOPIC_CHARACTERS_MAX } from '../model/topic.js';

/** What the sensors of `nexus-agents/sensors` have in common. */
export interface SensorOptions {
  /** Of the agents that are spawned from it. */
  readonly kind: string;
  /** As of any sensor. */
  readonly supervision?: Supervision;
  /** As of any sensor: `node` keeps its signals on the node that it runs on. */
  readonly scope?: SignalScope;
}

/** Words that sensors append to their topic. */
const SUFFIX_CHARACTERS = 10;

/** Options of the definition with those of the spawn over them. @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN */
export function merged<O extends object>(sensor: string, options: O, init: Partial<O> | undefined, names: readonly (keyof O & string)[]): O {
  if (init === undefined) return options;
  checkNames(`init of ${sensor}`, init, names);
  return { ...options, ...init };
}

export function period(value: number | undefined, byDefault: number, min: number): number {
  return range('periodMs', value, byDefault, min, SENSOR_PERIOD_MS_MAX);
}

export function range(name: string, value: number | undefined, byDefault: number, min: number, max: number): number {
  if (value === undefined) return byDefault;
  if (!(typeof value === 'number' && value >= min && value <= max)) throw optionError(name, `is ${valueText(value)}; it must be from ${min} to ${max}`);
  return value;
}

export function topicOf(topic: string): string {
  checkTopic(topic);
  if (topic.length > TOPIC_CHARACTERS_MAX - SUFFIX_CHARACTERS)
    throw optionError('topic', `has ${topic.length} characters; that of a sensor has at most ${TOPIC_CHARACTERS_MAX - SUFFIX_CHARACTERS}`);
  return topic;
}

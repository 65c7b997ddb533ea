/** A sensor that emits a signal every so often: a heartbeat, or the clock of other agents. */
import { defineSensor, type SensorDefinition } from '../model/define-sensor.js';
import { checkNames } from '../model/nearest-name.js';
import { merged, period, type SensorOptions, topicOf } from './sensor-options.js';

/** Options of `intervalSensor`. */
export interface IntervalSensorOptions extends SensorOptions {
  /** Of its signals. Their data: `{ count }`, from 1 on after each start. */
  readonly topic: string;
  /** 1 to 86,400,000. */
  readonly periodMs: number;
}

type Changeable = Pick<IntervalSensorOptions, 'topic' | 'periodMs'>;

/** A sensor of the time: emits its topic again and again. @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN, NEXUS_DEFINITION_INVALID */
export function intervalSensor<const K extends string>(
  options: IntervalSensorOptions & { readonly kind: K },
): SensorDefinition<K, Partial<Changeable> | undefined> {
  checkNames('intervalSensor', options, ['kind', 'supervision', 'scope', 'topic', 'periodMs']);
  const { kind, supervision, scope, topic, periodMs } = options;
  const resolve = (given: Changeable): Changeable => ({ topic: topicOf(given.topic), periodMs: period(given.periodMs, Number.NaN, 1) });
  const resolved = resolve({ topic, periodMs });
  return defineSensor({
    kind,
    ...(supervision === undefined ? {} : { supervision }),
    ...(scope === undefined ? {} : { scope }),
    state: (init: Partial<Changeable> | undefined) => ({ ...resolve(merged('intervalSensor', resolved, init, ['topic', 'periodMs'])), count: 0 }),
    periodMs: (state) => state.periodMs,
    senseAtStart: false,
    sense: (state) => [{ topic: state.topic, data: { count: ++state.count } }],
  });
}

/**
 * A sensor for one file. It looks at the status of the path instead of waiting for `fs.watch`, which loses a file that is replaced by a rename (as editors and
 * deployments do), sees nothing of a file that is not there yet, differs by platform and is silent on network file systems.
 */
import { nodeFileSystem } from '../adapters/node-sensing.js';
import { optionError, valueText } from '../errors.js';
import { defineSensor, type SensorDefinition } from '../model/define-sensor.js';
import { checkNames } from '../model/nearest-name.js';
import type { FileSystem } from '../ports/sensing.js';
import { type FileHistory, observeFile } from './file-changes.js';
import { merged, period, range, type SensorOptions, topicOf } from './sensor-options.js';

/** Options of `fileSensor`. */
export interface FileSensorOptions extends SensorOptions {
  readonly path: string;
  /** Signals have `.created`, `.changed` or `.removed` appended. Their data: `{ path, bytes, modifiedMs }`, of a removed one only `path`. */
  readonly topic: string;
  /** Time between two looks, 10 to 86,400,000. Default 1,000. */
  readonly periodMs?: number;
  /** For so long the file has to stay as it is before a change is reported, 0 to 86,400,000. Default 100: the second look at the earliest. */
  readonly settleMs?: number;
  /** Default: that of this machine. */
  readonly fileSystem?: FileSystem;
}

type Changeable = Pick<FileSensorOptions, 'path' | 'topic' | 'periodMs' | 'settleMs'>;

const CHANGEABLE = ['path', 'topic', 'periodMs', 'settleMs'] as const;

/** A sensor of one file, by its status and not by `fs.watch`: emits when it appears, changes, or goes. @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN, NEXUS_DEFINITION_INVALID */
export function fileSensor<const K extends string>(options: FileSensorOptions & { readonly kind: K }): SensorDefinition<K, Partial<Changeable> | undefined> {
  checkNames('fileSensor', options, ['kind', 'supervision', 'scope', 'fileSystem', ...CHANGEABLE]);
  const { kind, supervision, scope, fileSystem = nodeFileSystem, ...changeable } = options;
  const resolved = resolve(changeable);
  return defineSensor({
    kind,
    ...(supervision === undefined ? {} : { supervision }),
    ...(scope === undefined ? {} : { scope }),
    state: (init: Partial<Changeable> | undefined) => ({
      ...resolve(merged('fileSensor', resolved, init, CHANGEABLE)),
      history: undefined as FileHistory | undefined,
    }),
    periodMs: (state) => state.periodMs,
    async sense(state, ctx) {
      const { path, topic, settleMs } = state;
      const status = await fileSystem.status(path);
      const { history, change } = observeFile(state.history, status, ctx.clock.nowMs(), settleMs);
      state.history = history;
      if (change === undefined) return undefined;
      return [{ topic: `${topic}.${change}`, data: status === undefined ? { path } : { path, bytes: status.bytes, modifiedMs: status.modifiedMs } }];
    },
  });
}

function resolve({ path, topic, periodMs, settleMs }: Changeable): Required<Changeable> {
  if (typeof path !== 'string' || path.length === 0 || path.includes('\0')) throw optionError('path', `is ${valueText(path)}; it must be the path of a file`);
  return { path, topic: topicOf(topic), periodMs: period(periodMs, 1000, 10), settleMs: range('settleMs', settleMs, 100, 0, 86_400_000) };
}

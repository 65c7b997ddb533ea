/**
 * Operations that are observed: a function is called, and its duration and outcome go to the metrics, to a span where there is tracing, and to the log. What it returns and throws is
 * passed on. One of these a thread; `nexus.observe` and `ctx.observe` come here.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import type { SharedMemory } from '../../../bindings/shared-memory.js';
import * as L from '../../../layout/generated/layout.js';
import { optionError } from '../../errors.js';
import type { Logger } from '../../model/agent-context.js';
import { checkObserveOptions, type ObservedOperation, type ObserveOptions } from '../../model/observe-options.js';
import type { Clock } from '../../ports/clock.js';
import type { TraceIds, Tracing } from '../tracing.js';
import { isThenable } from '../promised.js';
import { type MeteredOperation, ThreadMeters } from './thread-meters.js';

/** What tracing does for operations, where there is any. */
export type OperationTracing = Pick<Tracing, 'inSpan' | 'ids'>;

export interface OperationsNeeds {
  readonly shared: SharedMemory;
  readonly thread: number;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly logger: Logger;
  tracing(): OperationTracing | undefined;
}

const NO_FIELDS = Object.freeze({});

export class Operations {
  readonly meters: ThreadMeters;
  readonly #needs: OperationsNeeds;
  /** Made when something is first observed: from then on Node.js has more work with every promise of this thread. */
  #scopes: AsyncLocalStorage<Scope> | undefined;
  #isClosed = false;
  #idPrefix = '';
  #ids = 0;

  constructor(needs: OperationsNeeds) {
    this.#needs = needs;
    this.meters = new ThreadMeters(needs);
  }

  /** The thread serves no more. What is still under way loses its correlation id: as long as the scopes are kept, every promise of this thread has more work, whoever made it. */
  close(): void {
    this.meters.close();
    this.#isClosed = true;
    this.#scopes?.disable();
  }

  /** What a line that is logged within an operation says of it. */
  logFields(): { readonly correlationId?: string } {
    const scope = this.#scopes?.getStore();
    return scope === undefined ? NO_FIELDS : { correlationId: scope.correlationId };
  }

  /**
   * @param loggerOf whom to tell of the outcome, asked for when there is something to tell; default: the logger of the thread
   * @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN; what `fn` throws
   */
  observe<T>(name: string, fn: (operation: ObservedOperation) => T, options: ObserveOptions | undefined, loggerOf?: () => Logger): T {
    if (typeof fn !== 'function') throw optionError('fn', `must be a function, not ${fn === null ? 'null' : typeof fn}`);
    if (options !== undefined) checkObserveOptions(options);
    const metered = this.meters.operation(name);
    this.#scopes ??= new AsyncLocalStorage();
    const within = this.#scopes.getStore();
    if (within !== undefined) return this.#run(new Call(name, within, options, metered, loggerOf), fn);
    const scope = new Scope(() => this.#newId());
    if (this.#isClosed) return this.#run(new Call(name, scope, options, metered, loggerOf), fn);
    return this.#scopes.run(scope, () => this.#run(new Call(name, scope, options, metered, loggerOf), fn));
  }

  #run<T>(call: Call, fn: (operation: ObservedOperation) => T): T {
    const { clock } = this.#needs;
    const tracing = this.#needs.tracing();
    const startedMs = clock.nowMs();
    let result: T;
    try {
      result =
        tracing === undefined
          ? fn(call)
          : tracing.inSpan(call.name, call.options?.attributes ?? NO_FIELDS, () => {
              call.ids = tracing.ids();
              call.scope.traceId ??= call.ids?.trace_id;
              return fn(call);
            });
    } catch (error) {
      this.#ended(call, startedMs, { error });
      throw error;
    }
    if (!isThenable(result)) {
      this.#ended(call, startedMs, undefined);
      return result;
    }
    const settled = Promise.resolve(result).then(
      (value) => {
        this.#ended(call, startedMs, undefined);
        return value;
      },
      (error: unknown) => {
        this.#ended(call, startedMs, { error });
        throw error;
      },
    );
    return settled as T;
  }

  #ended(call: Call, startedMs: number, failure: { readonly error: unknown } | undefined): void {
    const nowMs = this.#needs.clock.nowMs();
    const durationMs = nowMs - startedMs;
    const slaMs = call.options?.slaMs;
    const isViolation = slaMs !== undefined && durationMs > slaMs;
    call.metered.meter.record(durationMs * 1e6, failure !== undefined, isViolation);
    if (failure === undefined && !isViolation) {
      if (this.#logsDebug) this.#loggerOf(call).debug(this.#line(call, durationMs, 'success'), 'operation done');
      return;
    }
    const suppressed = call.metered.lines.take(nowMs);
    if (suppressed === undefined) return;
    const line = {
      ...this.#line(call, durationMs, failure === undefined ? 'success' : 'failure'),
      ...(isViolation ? { slaMs } : {}),
      ...(suppressed > 0 ? { suppressed } : {}),
      ...(failure === undefined ? {} : { error: failure.error }),
    };
    this.#loggerOf(call).warn(line, failure === undefined ? 'operation took longer than its SLA' : 'operation failed');
  }

  #line({ name, scope, options, ids }: Call, durationMs: number, outcome: 'success' | 'failure'): object {
    return { ...options?.attributes, ...ids, thread: this.#needs.thread, operation: name, correlationId: scope.correlationId, durationMs, outcome };
  }

  #loggerOf({ loggerOf }: Call): Logger {
    return loggerOf === undefined ? this.#needs.logger : loggerOf();
  }

  get #logsDebug(): boolean {
    return this.#needs.shared.words[L.HEADER_WORD_DEBUG_LOGGED] !== 0;
  }

  /** Random bytes of this thread and a number. */
  #newId(): string {
    if (this.#idPrefix === '') this.#idPrefix = randomBytes(12).toString('hex');
    this.#ids = (this.#ids + 1) % 2 ** 32;
    return this.#idPrefix + this.#ids.toString(16).padStart(8, '0');
  }
}

/** What an operation and all within it share. The id is made when somebody wants to know it. */
class Scope {
  traceId: string | undefined;
  readonly #newId: () => string;
  #id: string | undefined;

  constructor(newId: () => string) {
    this.#newId = newId;
  }

  get correlationId(): string {
    this.#id ??= this.traceId ?? this.#newId();
    return this.#id;
  }
}

/** One call of one operation. */
class Call implements ObservedOperation {
  /** Of its span, if it has one. */
  ids: TraceIds | undefined;

  constructor(
    readonly name: string,
    readonly scope: Scope,
    readonly options: ObserveOptions | undefined,
    readonly metered: MeteredOperation,
    readonly loggerOf: (() => Logger) | undefined,
  ) {}

  get correlationId(): string {
    return this.scope.correlationId;
  }
}

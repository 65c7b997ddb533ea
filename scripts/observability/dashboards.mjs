/**
 * The dashboards for Grafana, as values: rows of panels, each with expressions. `M(name, ...matchers)` is a metric of the chosen jobs and instances. How a panel becomes JSON is
 * `grafana-json.mjs`; what is written where, `../observability.mjs`.
 */
import { CLUSTER_DASHBOARD } from './cluster-dashboard.mjs';
import { M, heat, lines, max, q, quantile, quantiles, rate, stacked, stat, sum } from './panels.mjs';

/**
 * @typedef {{ type: string, title: string, queries: readonly { expr: string, legend: string }[] }} Panel
 * @typedef {{ title: string, panels: readonly Panel[] }} Row
 */
/** @type {readonly { file: string, uid: string, title: string, description: string, variables: readonly { name: string, query: string }[], rows: readonly Row[] }[]} */
export const DASHBOARDS = [
  {
    file: 'nexus-overview.json',
    uid: 'nexus-overview',
    title: 'Nexus: overview',
    description: 'Agents, messages, threads and what goes wrong.',
    variables: [],
    rows: [
      {
        title: 'At a glance',
        panels: [
          stat('Agents', 'short', 'Live agents.', sum(M('nexus_agents'))),
          stat('Messages handled', 'ops', 'All threads together.', sum(rate('nexus_messages_handled_total'))),
          stat(
            'Handled without error',
            'percentunit',
            'Share of the messages whose handler returned.',
            `${sum(rate('nexus_messages_handled_total'))} / clamp_min(${sum(rate('nexus_messages_handled_total'))} + ${sum(rate('nexus_messages_failed_total'))}, 1e-9)`,
            [
              ['red', null],
              ['yellow', 0.95],
              ['green', 0.99],
            ],
          ),
          stat('Dead letters', 'ops', 'Messages that could not be delivered.', sum(rate('nexus_dead_letters_total')), [
            ['green', null],
            ['yellow', 0.1],
            ['red', 1],
          ]),
          stat('Threads that do not serve', 'short', 'Not in the state ready.', `count(${M('nexus_thread_state', 'state="ready"')} == 0) or vector(0)`, [
            ['green', null],
            ['red', 1],
          ]),
          stat(
            'Memory',
            'percentunit',
            'Resident memory of the process, of what it may use.',
            `max(${M('process_resident_memory_bytes')} / ${M('nexus_memory_limit_bytes')})`,
            [
              ['green', null],
              ['yellow', 0.7],
              ['red', 0.85],
            ],
          ),
        ],
      },
      {
        title: 'Agents and messages',
        panels: [
          stacked('Agents by thread', 'short', 'Live agents.', q(sum(M('nexus_agents'), 'instance', 'thread'), '{{instance}} thread {{thread}}')),
          lines(
            'Messages sent by distance',
            'ops',
            'local: to an agent of the same thread. remote: to another thread, with what the runtimes of the threads tell each other.',
            q(sum(rate('nexus_messages_sent_total'), 'distance'), '{{distance}}'),
          ),
          lines(
            'Messages handled and failed',
            'ops',
            'By whether the handler returned or threw.',
            q(sum(rate('nexus_messages_handled_total')), 'handled'),
            q(sum(rate('nexus_messages_failed_total')), 'failed'),
          ),
          lines(
            'Agents started, ended, restarted',
            'ops',
            '',
            q(sum(rate('nexus_agents_spawned_total')), 'started'),
            q(sum(rate('nexus_agents_stopped_total')), 'ended'),
            q(sum(rate('nexus_agents_restarted_total')), 'restarted'),
          ),
          lines(
            'Asks on one thread',
            's',
            'From the call until the promise settled. Of each thread every 127th is timed.',
            ...quantiles('nexus_ask_duration_seconds', [], '', 'distance="local"'),
          ),
          lines(
            'Asks between threads',
            's',
            'From the call until the promise settled. Of each thread every 7th is timed.',
            ...quantiles('nexus_ask_duration_seconds', [], '', 'distance="remote"'),
          ),
          lines(
            'Wait between threads',
            's',
            'From publication until the other thread took the message out of the ring: long where a thread is blocked or has no core.',
            ...quantiles('nexus_message_wait_seconds'),
          ),
          lines(
            'Asks that go wrong',
            'ops',
            '',
            q(sum(rate('nexus_ask_timeouts_total')), 'no reply in time'),
            q(sum(rate('nexus_ask_failures_total')), 'rejected'),
            q(sum(rate('nexus_ask_late_replies_total')), 'reply too late'),
          ),
          lines('Asks', 'ops', 'Begun.', q(sum(rate('nexus_asks_total'), 'instance'), '{{instance}}')),
          lines('Bytes between threads', 'Bps', 'Written to the rings.', q(sum(rate('nexus_messages_remote_bytes_total'), 'instance'), '{{instance}}')),
        ],
      },
      {
        title: 'Threads',
        panels: [
          lines(
            'Utilisation',
            'percentunit',
            'Share of the time in which the event loop did not wait.',
            q(max(M('nexus_thread_utilization_ratio'), 'instance', 'thread'), '{{instance}} thread {{thread}}'),
          ),
          lines(
            'Event loop lag',
            's',
            'How late the event loop came to its timers, 99th percentile.',
            q(max(M('nexus_thread_loop_lag_seconds'), 'instance', 'thread'), '{{instance}} thread {{thread}}'),
          ),
          lines(
            'Garbage collection',
            'percentunit',
            'Share of the time.',
            q(max(M('nexus_thread_collecting_ratio'), 'instance', 'thread'), '{{instance}} thread {{thread}}'),
          ),
          lines('Heap', 'bytes', 'Used by each thread.', q(max(M('nexus_thread_heap_used_bytes'), 'instance', 'thread'), '{{instance}} thread {{thread}}')),
          lines(
            'Heap, of its limit',
            'percentunit',
            'At 1 the thread ends.',
            q(max(`${M('nexus_thread_heap_used_bytes')} / ${M('nexus_thread_heap_limit_bytes')}`, 'instance', 'thread'), '{{instance}} thread {{thread}}'),
          ),
          lines('Messages in mailboxes', 'short', 'That wait.', q(sum(M('nexus_queue_depth'), 'instance', 'thread'), '{{instance}} thread {{thread}}')),
          lines(
            'Turns',
            's',
            'Runs of handlers one after the other, during which the thread does nothing else: long where a handler does not return.',
            ...quantiles('nexus_turn_duration_seconds'),
          ),
          lines(
            'Parks and wakes',
            'ops',
            'A thread without messages sleeps, and is woken by another one.',
            q(sum(rate('nexus_thread_parks_total')), 'parks'),
            q(sum(rate('nexus_thread_wakes_total')), 'wakes'),
          ),
          lines(
            'Replaced threads',
            'short',
            'How often each was lost and replaced since the start.',
            q(max(M('nexus_thread_incarnation'), 'instance', 'thread'), '{{instance}} thread {{thread}}'),
          ),
          lines(
            'Received from other threads',
            'ops',
            '',
            q(sum(rate('nexus_messages_received_remote_total'), 'instance', 'thread'), '{{instance}} thread {{thread}}'),
          ),
        ],
      },
      {
        title: 'What goes wrong',
        panels: [
          stacked('Dead letters by reason', 'ops', 'Messages that could not be delivered.', q(sum(rate('nexus_dead_letters_total'), 'reason'), '{{reason}}')),
          lines(
            'Restarts',
            'ops',
            'Of agents, by supervision or after the loss of a thread.',
            q(sum(rate('nexus_agents_restarted_total'), 'instance', 'thread'), '{{instance}} thread {{thread}}'),
          ),
          lines(
            'Rings full',
            'ops',
            'Messages refused because the ring to another thread was full.',
            q(sum(rate('nexus_ring_full_total'), 'instance', 'thread'), '{{instance}} thread {{thread}}'),
          ),
          lines('Routing table in use', 'percentunit', 'At 1 no agent can be spawned.', q(max(M('nexus_table_load_ratio'), 'instance'), '{{instance}}')),
          lines('Records of the routing table', 'short', '', q(max(M('nexus_table_records'), 'state'), '{{state}}')),
          lines(
            'Buckets searched',
            'short',
            'For a live agent; 1 is the best. And buckets beyond which a search goes on.',
            q(max(M('nexus_table_probe_buckets'), 'of'), '{{of}}'),
            q(max(M('nexus_table_overflowing_buckets'), 'instance'), '{{instance}} overflowing'),
          ),
        ],
      },
      {
        title: 'Durable agents',
        panels: [
          lines('Writes', 'ops', 'States and events written to storage.', q(sum(rate('nexus_durable_writes_total'), 'instance'), '{{instance}}')),
          lines('Write failures', 'ops', 'They are tried again.', q(sum(rate('nexus_durable_write_failures_total'), 'instance'), '{{instance}}')),
          lines(
            'Messages held back',
            'ops',
            'Because too much of their agent was not stored yet.',
            q(sum(rate('nexus_durable_held_total'), 'instance'), '{{instance}}'),
          ),
          lines(
            'Passivations and reminders',
            'ops',
            '',
            q(sum(rate('nexus_durable_passivated_total')), 'left memory'),
            q(sum(rate('nexus_durable_reminders_total')), 'reminders delivered'),
          ),
        ],
      },
      {
        title: 'Process',
        panels: [
          lines(
            'CPU',
            'short',
            'Cores in use, all threads.',
            q(sum(rate('process_cpu_user_seconds_total'), 'instance'), '{{instance}} user'),
            q(sum(rate('process_cpu_system_seconds_total'), 'instance'), '{{instance}} kernel'),
            q(sum(rate('process_cpu_seconds_total'), 'instance'), '{{instance}}'),
          ),
          lines(
            'Memory of the process',
            'bytes',
            'Resident, and what the process may use.',
            q(max(M('process_resident_memory_bytes'), 'instance'), '{{instance}} resident'),
            q(max(M('nexus_memory_limit_bytes'), 'instance'), '{{instance}} limit'),
          ),
          lines(
            'Memory of the calling thread',
            'bytes',
            '',
            q(max(M('nodejs_heap_size_used_bytes'), 'instance'), '{{instance}} heap used'),
            q(max(M('nodejs_heap_size_total_bytes'), 'instance'), '{{instance}} heap'),
            q(max(M('nodejs_external_memory_bytes'), 'instance'), '{{instance}} external'),
          ),
          lines(
            'Event loop lag of the calling thread',
            's',
            'Since the last scrape, by quantile.',
            q(max(M('nodejs_eventloop_lag_seconds'), 'instance', 'quantile'), '{{instance}} {{quantile}}'),
          ),
          lines(
            'Garbage collection of the calling thread',
            'percentunit',
            'Share of the time, by kind.',
            q(sum(rate('nodejs_gc_duration_seconds_sum'), 'kind'), '{{kind}}'),
          ),
          lines('Uptime', 's', '', q(max(`time() - ${M('process_start_time_seconds')}`, 'instance'), '{{instance}}')),
          lines(
            'Versions',
            'short',
            'Engine and Node.js.',
            q(sum(M('nexus_engine_info'), 'kind'), '{{kind}}'),
            q(sum(M('nodejs_version_info'), 'version'), '{{version}}'),
          ),
        ],
      },
    ],
  },
  {
    file: 'nexus-operations.json',
    uid: 'nexus-operations',
    title: 'Nexus: operations',
    description: 'What observe() measures, with service levels, and circuit breakers.',
    variables: [
      { name: 'operation', query: 'label_values(nexus_operations_total{job=~"$job", instance=~"$instance"}, operation)' },
      { name: 'breaker', query: 'label_values(nexus_breaker_state{job=~"$job", instance=~"$instance"}, breaker)' },
    ],
    rows: [
      {
        title: 'Operations',
        panels: [
          lines('Calls', 'ops', '', q(sum(rate('nexus_operations_total', 'operation=~"$operation"'), 'operation'), '{{operation}}')),
          lines(
            'Success',
            'percentunit',
            'Share of the calls.',
            q(
              `${sum(rate('nexus_operations_total', 'operation=~"$operation"', 'outcome="success"'), 'operation')} / ${sum(rate('nexus_operations_total', 'operation=~"$operation"'), 'operation')}`,
              '{{operation}}',
            ),
          ),
          lines(
            'Duration, 95th percentile',
            's',
            '',
            q(quantile(0.95, 'nexus_operation_duration_seconds', ['operation'], 'operation=~"$operation"'), '{{operation}}'),
          ),
          lines('Duration of all chosen', 's', '', ...quantiles('nexus_operation_duration_seconds', [], '', 'operation=~"$operation"')),
          lines(
            'Mean duration',
            's',
            '',
            q(
              `${sum(rate('nexus_operation_duration_seconds_sum', 'operation=~"$operation"'), 'operation')} / ${sum(rate('nexus_operation_duration_seconds_count', 'operation=~"$operation"'), 'operation')}`,
              '{{operation}}',
            ),
          ),
          lines(
            'Running at a time',
            'short',
            'Mean number of calls under way, by the law of Little: rate times duration.',
            q(sum(rate('nexus_operation_duration_seconds_sum', 'operation=~"$operation"'), 'operation'), '{{operation}}'),
          ),
          heat(
            'Durations',
            's',
            'Calls of all chosen operations by duration.',
            sum(rate('nexus_operation_duration_seconds_bucket', 'operation=~"$operation"'), 'le'),
          ),
          lines('Failures', 'ops', '', q(sum(rate('nexus_operations_total', 'operation=~"$operation"', 'outcome="failure"'), 'operation'), '{{operation}}')),
        ],
      },
      {
        title: 'Service levels',
        panels: [
          lines(
            'Violations',
            'ops',
            'Calls that took longer than their slaMs.',
            q(sum(rate('nexus_sla_violations_total', 'operation=~"$operation"'), 'operation'), '{{operation}}'),
          ),
          lines(
            'Within the service level',
            'percentunit',
            'Share of the calls.',
            q(
              `1 - ${sum(rate('nexus_sla_violations_total', 'operation=~"$operation"'), 'operation')} / ${sum(rate('nexus_operations_total', 'operation=~"$operation"'), 'operation')}`,
              '{{operation}}',
            ),
          ),
        ],
      },
      {
        title: 'Circuit breakers',
        panels: [
          stacked(
            'Breakers by state',
            'short',
            'Each thread has those that it made.',
            q(sum(M('nexus_breaker_state', 'breaker=~"$breaker"'), 'breaker', 'state'), '{{breaker}} {{state}}'),
          ),
          lines(
            'Calls by outcome',
            'ops',
            'refused: not let through. ignored: says nothing about what was called.',
            q(sum(rate('nexus_breaker_calls_total', 'breaker=~"$breaker"'), 'breaker', 'outcome'), '{{breaker}} {{outcome}}'),
          ),
          lines('Opened', 'ops', '', q(sum(rate('nexus_breaker_opened_total', 'breaker=~"$breaker"'), 'breaker'), '{{breaker}}')),
        ],
      },
    ],
  },
  CLUSTER_DASHBOARD,
  {
    file: 'nexus-gateway.json',
    uid: 'nexus-gateway',
    title: 'Nexus: gateway',
    description: 'Requests over HTTP.',
    variables: [],
    rows: [
      {
        title: 'Requests',
        panels: [
          lines('Requests by route', 'reqps', '', q(sum(rate('nexus_http_request_duration_seconds_count'), 'method', 'route'), '{{method}} {{route}}')),
          lines(
            'Requests by status',
            'reqps',
            '499: the client did not wait.',
            q(sum(rate('nexus_http_request_duration_seconds_count'), 'status'), '{{status}}'),
          ),
          lines('Time to answer', 's', '', ...quantiles('nexus_http_request_duration_seconds')),
          lines('Time to answer by route, 95th percentile', 's', '', q(quantile(0.95, 'nexus_http_request_duration_seconds', ['route']), '{{route}}')),
          lines(
            'Mean time to answer',
            's',
            '',
            q(
              `${sum(rate('nexus_http_request_duration_seconds_sum'), 'route')} / ${sum(rate('nexus_http_request_duration_seconds_count'), 'route')}`,
              '{{route}}',
            ),
          ),
          lines(
            'Answers with errors',
            'percentunit',
            'Share of the answers with a status of 500 or more.',
            q(
              `${sum(rate('nexus_http_request_duration_seconds_count', 'status=~"5.."'))} / ${sum(rate('nexus_http_request_duration_seconds_count'))} or vector(0)`,
              'errors',
            ),
          ),
          heat('Times to answer', 's', '', sum(rate('nexus_http_request_duration_seconds_bucket'), 'le')),
          lines(
            'Refused for Host or Origin',
            'ops',
            'May be attacks, or a name that is missing in hostsAllowed.',
            q(sum(rate('nexus_security_violations_total'), 'reason'), '{{reason}}'),
          ),
        ],
      },
    ],
  },
];

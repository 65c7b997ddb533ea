/** The alert rules, as values: an expression, how long it must hold, and what to say and do. `$labels` and `$value` are filled in by Prometheus. Written to a file by `../observability.mjs`. */

const PER_INSTANCE = 'job, instance';

/** An operation that is called less often than this says nothing about its quantiles: calls in five minutes. */
const CALLS_MIN = 20;

/** @typedef {{ alert: string, expr: string, for: string, severity: 'warning' | 'critical', summary: string, description: string, action: string }} Alert */

/** @type {readonly { name: string, alerts: readonly Alert[] }[]} */
export const ALERT_GROUPS = [
  {
    name: 'nexus-operations',
    alerts: [
      {
        alert: 'NexusOperationSlow',
        expr: `histogram_quantile(0.95, sum by (${PER_INSTANCE}, operation, le) (rate(nexus_operation_duration_seconds_bucket[5m]))) > 1 and on (${PER_INSTANCE}, operation) sum by (${PER_INSTANCE}, operation) (increase(nexus_operations_total[5m])) >= ${CALLS_MIN}`,
        for: '5m',
        severity: 'warning',
        summary: 'Operation {{ $labels.operation }} is slow on {{ $labels.instance }}',
        description: 'The 95th percentile of its duration has been over 1 s for five minutes; it is {{ $value | humanizeDuration }}.',
        action:
          'Look at the dashboard of operations: is it this one, or all? If all are slow, look at loop lag and utilisation of the threads. If only this one, look at what it waits for: a trace of a slow call shows that, and so do the log lines with its correlation id.',
      },
      {
        alert: 'NexusOperationFailing',
        expr: `sum by (${PER_INSTANCE}, operation) (rate(nexus_operations_total{outcome="success"}[5m])) / sum by (${PER_INSTANCE}, operation) (rate(nexus_operations_total[5m])) < 0.95 and on (${PER_INSTANCE}, operation) sum by (${PER_INSTANCE}, operation) (increase(nexus_operations_total[5m])) >= ${CALLS_MIN}`,
        for: '5m',
        severity: 'critical',
        summary: 'Operation {{ $labels.operation }} fails on {{ $labels.instance }}',
        description: 'Less than 95 % of its calls have succeeded for five minutes; now {{ $value | humanizePercentage }}.',
        action:
          "Read the warnings 'operation failed' in the log: they have the error and the correlation id. If what it calls is down, a circuit breaker keeps the rest of the service alive.",
      },
      {
        alert: 'NexusServiceLevelMissed',
        expr: `sum by (${PER_INSTANCE}, operation) (rate(nexus_sla_violations_total[30m])) / sum by (${PER_INSTANCE}, operation) (rate(nexus_operations_total[30m])) > 0.05`,
        for: '10m',
        severity: 'warning',
        summary: 'Operation {{ $labels.operation }} misses its service level on {{ $labels.instance }}',
        description: 'Of its calls of the last half hour {{ $value | humanizePercentage }} took longer than their slaMs.',
        action: "Read the warnings 'operation took longer than its SLA' in the log. Make it faster, give it more threads, or agree on another limit.",
      },
      {
        alert: 'NexusBreakerOpen',
        expr: `sum by (${PER_INSTANCE}, breaker) (nexus_breaker_state{state="open"}) > 0`,
        for: '5m',
        severity: 'warning',
        summary: 'Circuit breaker {{ $labels.breaker }} is open on {{ $labels.instance }}',
        description: 'On {{ $value }} threads calls have been refused for five minutes, because what they call keeps failing.',
        action: 'Look at what is behind the breaker. It closes by itself when that works again.',
      },
    ],
  },
  {
    name: 'nexus-messages',
    alerts: [
      {
        alert: 'NexusAsksSlow',
        expr: `histogram_quantile(0.95, sum by (${PER_INSTANCE}, distance, le) (rate(nexus_ask_duration_seconds_bucket[5m]))) > 1`,
        for: '5m',
        severity: 'warning',
        summary: 'Asks ({{ $labels.distance }}) are slow on {{ $labels.instance }}',
        description: 'The 95th percentile of the time until an ask settles has been over 1 s for five minutes; it is {{ $value | humanizeDuration }}.',
        action:
          'Compare with the wait between threads and with the duration of turns: a long wait shows a thread that is blocked or overloaded, long turns show handlers that do not return, neither shows handlers that await something slow.',
      },
      {
        alert: 'NexusHandlersFailing',
        expr: `sum by (${PER_INSTANCE}) (rate(nexus_messages_handled_total[5m])) / (sum by (${PER_INSTANCE}) (rate(nexus_messages_handled_total[5m])) + sum by (${PER_INSTANCE}) (rate(nexus_messages_failed_total[5m]))) < 0.95`,
        for: '5m',
        severity: 'critical',
        summary: 'Handlers fail on {{ $labels.instance }}',
        description: 'Less than 95 % of the messages have been handled without an error for five minutes; now {{ $value | humanizePercentage }}.',
        action:
          "Read the warnings 'an agent failed' in the log: they name the agent, its kind, the action and the error. Failing agents restart, and stop when they fail too often.",
      },
      {
        alert: 'NexusDeadLetters',
        expr: `sum by (${PER_INSTANCE}, reason) (rate(nexus_dead_letters_total{reason!="nexusStopped"}[5m])) > 1`,
        for: '5m',
        severity: 'warning',
        summary: 'Messages are lost on {{ $labels.instance }}: {{ $labels.reason }}',
        description: 'For five minutes more than one message a second could not be delivered; now {{ $value | humanize }} a second.',
        action:
          "By reason. mailboxFull, dropped: the receiver is slower than its senders; heed the result of tell, or use offer. noAgent, agentStopped: somebody writes to agents that have ended. threadLost: see that alert. nexus.on('deadLetter') names the agents.",
      },
      {
        alert: 'NexusRingFull',
        expr: `sum by (${PER_INSTANCE}, thread) (rate(nexus_ring_full_total[5m])) > 1`,
        for: '5m',
        severity: 'warning',
        summary: 'Thread {{ $labels.thread }} finds rings full on {{ $labels.instance }}',
        description: 'For five minutes it has had messages refused because another thread did not read them fast enough; now {{ $value | humanize }} a second.',
        action:
          'Look for the thread whose utilisation or loop lag is high: it is the receiver. Move agents off it (balancing.migrate), heed the result of tell, or raise memory.ringBytes if bursts are the reason.',
      },
      {
        alert: 'NexusRestarts',
        expr: `sum by (${PER_INSTANCE}) (rate(nexus_agents_restarted_total[5m])) > 1`,
        for: '5m',
        severity: 'warning',
        summary: 'Agents keep restarting on {{ $labels.instance }}',
        description: 'For five minutes there has been more than one restart a second; now {{ $value | humanize }}.',
        action: "Read the warnings 'an agent failed' in the log. If what an agent needs is missing, a longer back-off takes load off it.",
      },
    ],
  },
  {
    name: 'nexus-threads',
    alerts: [
      {
        alert: 'NexusThreadLost',
        expr: `max by (${PER_INSTANCE}, thread) (changes(nexus_thread_incarnation[15m])) > 0`,
        for: '0m',
        severity: 'warning',
        summary: 'Thread {{ $labels.thread }} was lost on {{ $labels.instance }}',
        description:
          'In the last 15 minutes it has ended and was replaced, {{ $value }} times. Its agents have started again; messages on their way were lost, durable state was not.',
        action:
          "Read the error 'a thread was lost and is replaced' in the log. ERR_WORKER_OUT_OF_MEMORY: see the heap of that thread before the loss. An agent that ends its thread whenever it starts is left out, and the log says which.",
      },
      {
        alert: 'NexusThreadFailed',
        expr: `max by (${PER_INSTANCE}, thread) (nexus_thread_state{state="failed"}) == 1`,
        for: '0m',
        severity: 'critical',
        summary: 'Thread {{ $labels.thread }} has been given up on {{ $labels.instance }}',
        description: 'It was lost too often and is not replaced any more. Its agents are gone.',
        action: 'Read in the log why it was lost, repair that, and restart the process. workers.restart says how often a thread may be lost.',
      },
      {
        alert: 'NexusThreadLate',
        expr: `max by (${PER_INSTANCE}, thread) (nexus_thread_loop_lag_seconds) > 0.1`,
        for: '5m',
        severity: 'warning',
        summary: 'The event loop of thread {{ $labels.thread }} is late on {{ $labels.instance }}',
        description: 'For five minutes it has come to its timers more than 100 ms late; now {{ $value | humanizeDuration }}.',
        action:
          'A handler computes for too long, or the heap is nearly full: compare with the duration of turns and the time in garbage collection. Split long work, or give it a thread of its own.',
      },
      {
        alert: 'NexusThreadMemoryHigh',
        expr: `max by (${PER_INSTANCE}, thread) (nexus_thread_heap_used_bytes / nexus_thread_heap_limit_bytes) > 0.85`,
        for: '5m',
        severity: 'critical',
        summary: 'The heap of thread {{ $labels.thread }} is nearly full on {{ $labels.instance }}',
        description: 'For five minutes more than 85 % of what it may use has been used; now {{ $value | humanizePercentage }}. At 100 % the thread ends.',
        action:
          'Let idle durable agents leave memory (balancing.passivate), spread agents over more threads, or raise workers.resourceLimits. If it only grows, take a heap snapshot: something is kept.',
      },
      {
        alert: 'NexusProcessMemoryHigh',
        expr: `max by (${PER_INSTANCE}) (process_resident_memory_bytes / nexus_memory_limit_bytes) > 0.85`,
        for: '5m',
        severity: 'critical',
        summary: 'The memory of {{ $labels.instance }} is nearly used up',
        description:
          'For five minutes the process has had more than 85 % of the memory it may use; now {{ $value | humanizePercentage }}. At 100 % the host kills it.',
        action:
          'Compare with the heaps of the threads: if they are small, it is buffers or native memory. Raise the limit of the container, lower balancing.memoryBytesMax so that idle agents leave earlier, or run more instances.',
      },
      {
        alert: 'NexusTableNearlyFull',
        expr: `max by (${PER_INSTANCE}) (nexus_table_load_ratio) > 0.85`,
        for: '5m',
        severity: 'warning',
        summary: 'The routing table of {{ $labels.instance }} is nearly full',
        description: '{{ $value | humanizePercentage }} of its records are in use. When it is full, spawn rejects with NEXUS_TABLE_FULL.',
        action: 'Raise memory.agentsMax, which takes effect with the next start, or find out why so many agents live.',
      },
      {
        alert: 'NexusStorageFailing',
        expr: `sum by (${PER_INSTANCE}) (rate(nexus_durable_write_failures_total[5m])) > 0`,
        for: '2m',
        severity: 'critical',
        summary: 'Durable agents cannot be saved on {{ $labels.instance }}',
        description:
          'Writes to storage have been failing for two minutes, {{ $value | humanize }} a second. They are tried again; what is not stored is lost if the process ends.',
        action: 'Look at the disk: is it full, read-only, or failing? The log has NEXUS_STORE_FULL or NEXUS_STORE_FAILED with the cause.',
      },
    ],
  },
  {
    name: 'nexus-cluster',
    alerts: [
      {
        alert: 'NexusNodeUnreachable',
        expr: `sum by (${PER_INSTANCE}) (nexus_cluster_members{reachability="unreachable"}) > 0`,
        for: '1m',
        severity: 'warning',
        summary: '{{ $labels.instance }} cannot reach members of its cluster',
        description: 'For a minute {{ $value }} members have not answered, directly or by way of others, and have not been removed.',
        action:
          'nexus nodes names them. Is the process there, and its port open to the others? A node that is gone for good is removed by itself when its lease has run out; if it is not, the members that are left may be no quorum.',
      },
      {
        alert: 'NexusIdsNotServed',
        expr: `max by (${PER_INSTANCE}) (nexus_cluster_partitions{state="claiming"}) > 0`,
        for: '1m',
        severity: 'warning',
        summary: '{{ $labels.instance }} cannot say who has some of its ids',
        description:
          '{{ $value }} partitions of the ring wait for a minute until all members have reported what they run. Their ids can be neither found nor started.',
        action:
          'nexus top (panel 7) names the members whose reports are missing. Is the calling thread of one of them blocked, or can its data port not be reached? A member that is removed is not waited for.',
      },
      {
        alert: 'NexusAgentsSuperseded',
        expr: `sum by (${PER_INSTANCE}) (increase(nexus_cluster_superseded_total[15m])) > 0`,
        for: '0m',
        severity: 'warning',
        summary: '{{ $labels.instance }} ended agents that had a later activation elsewhere',
        description: 'In the last quarter of an hour {{ $value }} agents of this node ended unsaved, because another node had been given their ids.',
        action:
          'It should not happen: keep the logs and flight records of both nodes, and look whether the clock of one of them jumps or a process is stopped for seconds.',
      },
      {
        alert: 'NexusClusterPartitioned',
        expr: `max by (${PER_INSTANCE}) (nexus_cluster_sides) > 1`,
        for: '1m',
        severity: 'critical',
        summary: 'The cluster of {{ $labels.instance }} is split',
        description:
          'For a minute its members have been on {{ $value }} sides that do not reach each other. The resolver decides which of them goes on; the others stop their agents.',
        action:
          'The page of the console shows who reaches whom. Mend the network between the sides; nodes that are fenced start again by themselves if something restarts their processes.',
      },
      {
        alert: 'NexusNodeFenced',
        expr: `max by (${PER_INSTANCE}) (nexus_cluster_standing{standing="fenced"}) > 0`,
        for: '0s',
        severity: 'critical',
        summary: '{{ $labels.instance }} is fenced',
        description: 'It has lost touch with its cluster, or was removed from it, and has stopped its agents.',
        action:
          'The log says why. It runs again as a new incarnation when its process is started again: let a supervisor of processes do that (exit code 3 of nexus run).',
      },
      {
        alert: 'NexusNodeStalled',
        expr: `max by (${PER_INSTANCE}, node) (nexus_cluster_stalled_threads) > 0`,
        for: '1m',
        severity: 'warning',
        summary: 'Event loops of node {{ $labels.node }} are blocked',
        description: 'For a minute {{ $value }} of its threads have not come to their timers. The node is alive: its heartbeats are on a thread of their own.',
        action: 'nexus top of that node says which thread. A handler computes without end, or waits synchronously; nexus.inspect and a CPU profile name it.',
      },
      {
        alert: 'NexusLinkLossy',
        expr: `max by (${PER_INSTANCE}, node) (nexus_cluster_probe_loss_ratio) > 0.1`,
        for: '5m',
        severity: 'warning',
        summary: 'Probes from {{ $labels.instance }} to {{ $labels.node }} get lost',
        description: 'For five minutes {{ $value | humanizePercentage }} of the last 100 have not been answered in time.',
        action:
          'Compare with its round trip and with other nodes: one pair shows a network, all pairs of a node show that it is overloaded (its local health is above 0 then).',
      },
      {
        alert: 'NexusClusterRefusals',
        expr: `sum by (${PER_INSTANCE}, code) (rate(nexus_cluster_refusals_total[5m])) > 0.1`,
        for: '5m',
        severity: 'warning',
        summary: '{{ $labels.instance }} refuses what other nodes send ({{ $labels.code }})',
        description: 'For five minutes it has refused {{ $value | humanize }} messages or connections a second.',
        action:
          'nexus explain tells what the code means. Often a node of another cluster, of another version, with a wrong certificate, or one that was removed and does not know it.',
      },
    ],
  },
  {
    name: 'nexus-gateway',
    alerts: [
      {
        alert: 'NexusHttpFailing',
        expr: `sum by (${PER_INSTANCE}) (rate(nexus_http_request_duration_seconds_count{status=~"5.."}[5m])) / sum by (${PER_INSTANCE}) (rate(nexus_http_request_duration_seconds_count[5m])) > 0.05`,
        for: '5m',
        severity: 'critical',
        summary: 'The gateway of {{ $labels.instance }} answers with errors',
        description: 'For five minutes more than 5 % of its answers have had a status of 500 or more; now {{ $value | humanizePercentage }}.',
        action:
          'By status, on the dashboard of the gateway. 503: too many requests at once, or a thread is being replaced. 504: agents do not reply in time. 500: handlers fail; see the log.',
      },
      {
        alert: 'NexusHttpSlow',
        expr: `histogram_quantile(0.95, sum by (${PER_INSTANCE}, route, le) (rate(nexus_http_request_duration_seconds_bucket{route!~"/signals|/console.*"}[5m]))) > 1`,
        for: '5m',
        severity: 'warning',
        summary: '{{ $labels.route }} is slow on {{ $labels.instance }}',
        description: 'The 95th percentile of the time to answer has been over 1 s for five minutes; it is {{ $value | humanizeDuration }}.',
        action: 'Compare with asks and loop lag of thread 0, on which the gateway runs.',
      },
      {
        alert: 'NexusRequestsRefused',
        expr: `sum by (${PER_INSTANCE}, reason) (rate(nexus_security_violations_total[5m])) > 0.1`,
        for: '5m',
        severity: 'warning',
        summary: 'The gateway of {{ $labels.instance }} refuses requests for their {{ $labels.reason }}',
        description: 'For five minutes requests have come whose Host or Origin header it does not serve, {{ $value | humanize }} a second.',
        action: 'host: a proxy or a name is missing in hostsAllowed, or somebody tries DNS rebinding. origin: a page of another site tries to use the gateway.',
      },
    ],
  },
];

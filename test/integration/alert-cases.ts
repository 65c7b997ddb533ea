/**
 * For each alert what makes it fire, and what is near to that and does not: series as promtool writes them, one sample a minute, `start+step` and how often. `value` is what `$value` is in
 * the description. `JI` stands for the labels of the target.
 */
export interface AlertCase {
  readonly fires: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: string;
  readonly quiet: Readonly<Record<string, string>>;
}

const slow = (metric: string, labels: string): Record<string, string> => ({
  [`${metric}_bucket{JI,${labels},le="1"}`]: '0+0x20',
  [`${metric}_bucket{JI,${labels},le="2"}`]: '0+60x20',
  [`${metric}_bucket{JI,${labels},le="+Inf"}`]: '0+60x20',
});
/** 4 % take more than a second. */
const quick = (metric: string, labels: string): Record<string, string> => ({
  [`${metric}_bucket{JI,${labels},le="1"}`]: '0+96x20',
  [`${metric}_bucket{JI,${labels},le="+Inf"}`]: '0+100x20',
});
const operations = (success: string, failure: string): Record<string, string> => ({
  'nexus_operations_total{JI,operation="pay",outcome="success"}': success,
  'nexus_operations_total{JI,operation="pay",outcome="failure"}': failure,
});
const ratio = (above: string, below: string, value: string): AlertCase => ({
  fires: { [above]: '86+0x20', [below]: '100+0x20' },
  labels: above.includes('thread="1"') ? { thread: '1' } : {},
  value,
  quiet: { [above]: '84+0x20', [below]: '100+0x20' },
});

export const ALERT_CASES: Readonly<Record<string, AlertCase>> = {
  NexusOperationSlow: {
    fires: { ...slow('nexus_operation_duration_seconds', 'operation="pay"'), ...operations('0+60x20', '0+0x20') },
    labels: { operation: 'pay' },
    value: '1.95s',
    quiet: { ...quick('nexus_operation_duration_seconds', 'operation="pay"'), ...operations('0+100x20', '0+0x20') },
  },
  NexusOperationFailing: {
    fires: operations('0+90x20', '0+10x20'),
    labels: { operation: 'pay' },
    value: '90%',
    quiet: operations('0+96x20', '0+4x20'),
  },
  NexusServiceLevelMissed: {
    fires: { ...operations('0+90x20', '0+0x20'), 'nexus_sla_violations_total{JI,operation="pay"}': '0+9x20' },
    labels: { operation: 'pay' },
    value: '10%',
    quiet: { ...operations('0+100x20', '0+0x20'), 'nexus_sla_violations_total{JI,operation="pay"}': '0+4x20' },
  },
  NexusBreakerOpen: {
    fires: { 'nexus_breaker_state{JI,breaker="bank",state="open"}': '2+0x20' },
    labels: { breaker: 'bank' },
    value: '2',
    // Open, but it comes and goes.
    quiet: {
      'nexus_breaker_state{JI,breaker="bank",state="open"}': '1 1 1 0 1 1 1 0 1 1 1 0 1 1 1 0 1 1 1 0',
      'nexus_breaker_state{JI,breaker="bank",state="closed"}': '9+0x20',
    },
  },
  NexusAsksSlow: {
    fires: slow('nexus_ask_duration_seconds', 'thread="0",distance="remote"'),
    labels: { distance: 'remote' },
    value: '1.95s',
    quiet: quick('nexus_ask_duration_seconds', 'thread="0",distance="remote"'),
  },
  NexusHandlersFailing: {
    fires: { 'nexus_messages_handled_total{JI,thread="1"}': '0+90x20', 'nexus_messages_failed_total{JI,thread="1"}': '0+10x20' },
    labels: {},
    value: '90%',
    quiet: { 'nexus_messages_handled_total{JI,thread="1"}': '0+96x20', 'nexus_messages_failed_total{JI,thread="1"}': '0+4x20' },
  },
  NexusDeadLetters: {
    fires: { 'nexus_dead_letters_total{JI,thread="1",reason="mailboxFull"}': '0+120x20' },
    labels: { reason: 'mailboxFull' },
    value: '2',
    quiet: {
      'nexus_dead_letters_total{JI,thread="1",reason="mailboxFull"}': '0+50x20',
      'nexus_dead_letters_total{JI,thread="1",reason="nexusStopped"}': '0+5000x20',
    },
  },
  NexusRingFull: {
    fires: { 'nexus_ring_full_total{JI,thread="1"}': '0+180x20' },
    labels: { thread: '1' },
    value: '3',
    quiet: { 'nexus_ring_full_total{JI,thread="1"}': '0+50x20' },
  },
  NexusRestarts: {
    fires: { 'nexus_agents_restarted_total{JI,thread="1"}': '0+120x20' },
    labels: {},
    value: '2',
    quiet: { 'nexus_agents_restarted_total{JI,thread="1"}': '0+50x20' },
  },
  NexusThreadLost: {
    fires: { 'nexus_thread_incarnation{JI,thread="1"}': '0 0 0 0 0 0 1 1 1 1 1 1 1 1 1 1' },
    labels: { thread: '1' },
    value: '1',
    quiet: { 'nexus_thread_incarnation{JI,thread="1"}': '4+0x20' },
  },
  NexusThreadFailed: {
    fires: { 'nexus_thread_state{JI,thread="1",state="failed"}': '1+0x20' },
    labels: { thread: '1' },
    value: '1',
    quiet: { 'nexus_thread_state{JI,thread="1",state="failed"}': '0+0x20', 'nexus_thread_state{JI,thread="1",state="lost"}': '1+0x20' },
  },
  NexusThreadLate: {
    fires: { 'nexus_thread_loop_lag_seconds{JI,thread="1"}': '0.15+0x20' },
    labels: { thread: '1' },
    value: '150ms',
    quiet: { 'nexus_thread_loop_lag_seconds{JI,thread="1"}': '0.09+0x20' },
  },
  NexusThreadMemoryHigh: ratio('nexus_thread_heap_used_bytes{JI,thread="1"}', 'nexus_thread_heap_limit_bytes{JI,thread="1"}', '86%'),
  NexusProcessMemoryHigh: ratio('process_resident_memory_bytes{JI}', 'nexus_memory_limit_bytes{JI}', '86%'),
  NexusTableNearlyFull: {
    fires: { 'nexus_table_load_ratio{JI}': '0.9+0x20' },
    labels: {},
    value: '90%',
    quiet: { 'nexus_table_load_ratio{JI}': '0.8+0x20' },
  },
  NexusStorageFailing: {
    fires: { 'nexus_durable_write_failures_total{JI,thread="1"}': '0+60x20' },
    labels: {},
    value: '1',
    quiet: { 'nexus_durable_write_failures_total{JI,thread="1"}': '7+0x20' },
  },
  NexusNodeUnreachable: {
    fires: { 'nexus_cluster_members{JI,reachability="unreachable"}': '2+0x20', 'nexus_cluster_members{JI,reachability="reachable"}': '3+0x20' },
    labels: {},
    value: '2',
    quiet: { 'nexus_cluster_members{JI,reachability="unreachable"}': '0+0x20', 'nexus_cluster_members{JI,reachability="suspect"}': '1+0x20' },
  },
  NexusIdsNotServed: {
    fires: { 'nexus_cluster_partitions{JI,state="claiming"}': '12+0x20' },
    labels: {},
    value: '12',
    quiet: { 'nexus_cluster_partitions{JI,state="claiming"}': '0+0x20', 'nexus_cluster_partitions{JI,state="serving"}': '900+0x20' },
  },
  NexusAgentsSuperseded: {
    fires: { 'nexus_cluster_superseded_total{JI}': '0 0 0 2+0x20' },
    labels: {},
    value: '2',
    quiet: { 'nexus_cluster_superseded_total{JI}': '7+0x20' },
  },
  NexusClusterPartitioned: {
    fires: { 'nexus_cluster_sides{JI}': '2+0x20' },
    labels: {},
    value: '2',
    quiet: { 'nexus_cluster_sides{JI}': '1+0x20' },
  },
  NexusNodeFenced: {
    fires: { 'nexus_cluster_standing{JI,standing="fenced"}': '1+0x20' },
    labels: {},
    value: '1',
    quiet: { 'nexus_cluster_standing{JI,standing="fenced"}': '0+0x20', 'nexus_cluster_standing{JI,standing="leaving"}': '1+0x20' },
  },
  NexusNodeStalled: {
    fires: { 'nexus_cluster_stalled_threads{JI,node="shop-2"}': '3+0x20' },
    labels: { node: 'shop-2' },
    value: '3',
    // For a moment, again and again.
    quiet: { 'nexus_cluster_stalled_threads{JI,node="shop-2"}': '1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0' },
  },
  NexusLinkLossy: {
    fires: { 'nexus_cluster_probe_loss_ratio{JI,node="shop-2"}': '0.25+0x20' },
    labels: { node: 'shop-2' },
    value: '25%',
    quiet: { 'nexus_cluster_probe_loss_ratio{JI,node="shop-2"}': '0.09+0x20' },
  },
  NexusClusterRefusals: {
    fires: { 'nexus_cluster_refusals_total{JI,code="NEXUS_FRAME_INVALID"}': '0+60x20' },
    labels: { code: 'NEXUS_FRAME_INVALID' },
    value: '1',
    quiet: { 'nexus_cluster_refusals_total{JI,code="NEXUS_FRAME_INVALID"}': '0+5x20' },
  },
  NexusHttpFailing: {
    fires: {
      'nexus_http_request_duration_seconds_count{JI,method="POST",route="/agents",status="200"}': '0+90x20',
      'nexus_http_request_duration_seconds_count{JI,method="POST",route="/agents",status="503"}': '0+10x20',
    },
    labels: {},
    value: '10%',
    quiet: {
      'nexus_http_request_duration_seconds_count{JI,method="POST",route="/agents",status="200"}': '0+50x20',
      'nexus_http_request_duration_seconds_count{JI,method="POST",route="/agents",status="404"}': '0+48x20',
      'nexus_http_request_duration_seconds_count{JI,method="POST",route="/agents",status="500"}': '0+2x20',
    },
  },
  NexusHttpSlow: {
    fires: slow('nexus_http_request_duration_seconds', 'method="GET",route="/agents/:id",status="200"'),
    labels: { route: '/agents/:id' },
    value: '1.95s',
    // A stream of signals is meant to stay open, and a snapshot for the console is over a second.
    quiet: {
      ...quick('nexus_http_request_duration_seconds', 'method="GET",route="/agents/:id",status="200"'),
      ...slow('nexus_http_request_duration_seconds', 'method="GET",route="/signals",status="200"'),
      ...slow('nexus_http_request_duration_seconds', 'method="GET",route="/console/snapshot",status="200"'),
    },
  },
  NexusRequestsRefused: {
    fires: { 'nexus_security_violations_total{JI,reason="origin"}': '0+60x20' },
    labels: { reason: 'origin' },
    value: '1',
    quiet: { 'nexus_security_violations_total{JI,reason="host"}': '0+5x20' },
  },
};

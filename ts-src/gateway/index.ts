/** The entry `nexus-agents/gateway`. */
export { createMetrics, type Metrics, type MeteredNexus, type ObservedRequest, type SecurityViolation } from '../adapters/prometheus-metrics.js';
export { type Gateway, type GatewayStopReport, startGateway } from './gateway.js';
export { GATEWAY_ERROR_CODES, GatewayError, type GatewayErrorCode } from './gateway-error.js';
export type { ConsoleOptions } from '../console/console-options.js';
export type { ConsoleAction, FollowMessage, LiveMessage } from '../console/protocol.js';
export type { GatewayOptions, GatewayStopOptions } from './gateway-options.js';

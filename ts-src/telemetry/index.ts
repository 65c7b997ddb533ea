/** Public entry of `nexus-agents/telemetry`: the events on the channels of `node:diagnostics_channel`, typed by their names. */
export { TELEMETRY_EVENTS, type TelemetryEvent, type TelemetryEvents } from '../model/telemetry-events.js';
export { subscribe } from './subscribe.js';

/** The entry `nexus-agents/sensors`. */
export {
  defineSensor,
  type Sensed,
  type SensedSignal,
  type SensorActions,
  type SensorDefinition,
  type SensorSource,
  type SensorSpecification,
} from '../model/define-sensor.js';
export type { FileStatus, FileSystem, HttpAnswer, HttpClient, HttpGet, ProcessMeter, ProcessMetering, ProcessReading } from '../ports/sensing.js';
export { type FileSensorOptions, fileSensor } from './file-sensor.js';
export { type HttpSensorOptions, httpSensor } from './http-sensor.js';
export { type IntervalSensorOptions, intervalSensor } from './interval-sensor.js';
export { type ProcessSensorOptions, type ProcessUsage, processSensor } from './process-sensor.js';
export type { SensorOptions } from './sensor-options.js';

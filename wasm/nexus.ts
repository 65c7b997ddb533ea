/**
 * What the module exports. One instance belongs to one thread of one nexus: it imports the nexus's memory, has nothing of its own in it, and keeps its
 * configuration in globals. No heap, no strings, no static data: several instances share the memory, and each would put its own at the same place.
 */
export { open } from './open';
export { recycle } from './record-store';
export { copyKey, copyPayload, find, findMany, generationOf, inherit, insert, insertMany, kindOf, parentOf, remove, rehome, removeMany, threadOf } from './routing-table';

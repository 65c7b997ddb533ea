/**
 * The one schema of the shared memory of a nexus. `generate.mjs` turns it into the constants that TypeScript and C++ use;
 * nothing else may state an offset. A field is one 32-bit word unless the list says otherwise; positions follow from order.
 *
 * The memory, in this order, each part aligned to 64 bytes:
 *   header | threads (one entry a thread) | counters (one block a thread) | histograms (all of a thread together) | scratch (one area a thread) |
 *   states of groups | groups | buckets | records | rings | loads (one word a record) | rotations | flight records (one a thread) | names of meters |
 *   meters (all of a thread together)
 */

export const constants = {
  /** 'NXUS' read as a little-endian word. */
  MAGIC: 0x5355584e,
  /** Raised with every change of this file that changes the meaning of a byte. */
  VERSION: 8,
  HEADER_BYTES: 4096,
  THREAD_BYTES: 256,
  COUNTERS_BYTES: 512,
  /** One histogram of one thread: HISTOGRAM_DOUBLE_BUCKETS doubles, then the buckets, rounded up to a cache line. */
  HISTOGRAM_BYTES: 18880,
  /** An octave has 2^6 buckets, so the middle of a bucket is at most 1/128 from any value in it. See ts-src/model/histogram.ts. */
  HISTOGRAM_OCTAVE_BITS: 6,
  /** From 1 ns to 1 h. */
  HISTOGRAM_BUCKETS: 2345,
  /** What a thread hands to its WebAssembly code and gets back: results, a batch of names, or one name with its payload. Nobody else looks at it. */
  SCRATCH_BYTES: 69632,
  /** What the WebAssembly allocator knows about a group that belongs to its thread: see wasm/record-allocator.ts. */
  GROUP_STATE_BYTES: 8,
  RECORD_BYTES: 64,
  BUCKET_BYTES: 64,
  RING_HEADER_BYTES: 256,
  /**
   * The memory of two processes on one machine, which is one of its own: header | what each side says of its waiting | rings, LINK_LANES of the side that has made it, then as many of the other.
   * 'NXSL' read as a little-endian word; a version of its own, because the two processes may run different releases.
   */
  LINK_MAGIC: 0x4c53584e,
  LINK_VERSION: 1,
  LINK_HEADER_BYTES: 256,
  LINK_SIDE_BYTES: 256,
  LINK_LANES: 3,
  LINK_RING_BYTES_MIN: 524288,
  LINK_RING_BYTES_MAX: 16777216,
  /** Of a frame, whatever the size of the ring: less than a quarter of the smallest one. */
  LINK_FRAME_BYTES_MAX: 65536,
  /** Whose turn it is in a named group of agents: the key of its name (8 bytes), the number of turns so far, and a word that nobody uses. */
  ROTATION_BYTES: 16,
  ROTATIONS: 16384,
  /** The flight record of a thread: a header, then a ring of FLIGHT_CAPACITY events. */
  FLIGHT_HEADER_BYTES: 64,
  FLIGHT_EVENT_BYTES: 32,
  /**
   * What is metered under a name: METERS_NAMED entries for names, then one for the operations and one for the circuit breakers whose names found no room. The bytes of an
   * entry of the list of names, of which METER_TEXT_BYTES_MAX may be the name, and those of one meter of one thread.
   */
  METERS: 258,
  METERS_NAMED: 256,
  METER_OTHER_OPERATIONS: 256,
  METER_OTHER_BREAKERS: 257,
  METER_TEXT_BYTES_MAX: 100,
  /** The durations of an operation are counted by powers of two, from 2^METER_BOUND_LEAST ns on; the last of the counts is of all that took longer. */
  METER_BOUND_LEAST: 10,
  METER_BUCKETS: 28,
  METER_NAME_BYTES: 128,
  METER_BYTES: 320,
  /** Records are handed to threads in groups of this many; a group belongs to one thread at a time. */
  GROUP_RECORDS: 256,
  /** Entries of a bucket, beside its overflow counter. */
  BUCKET_ENTRIES: 15,
  /** Bytes of key and payload that fit into the first record of an agent, and into each extension record. */
  RECORD_INLINE_BYTES: 32,
  EXTENSION_INLINE_BYTES: 56,
  KEY_BYTES_MAX: 1024,
  /** Encoded `init` kept for a restart after the loss of a thread. */
  PAYLOAD_BYTES_MAX: 65536,
  THREADS_MAX: 128,
  MESSAGE_PADDING_SHIFT: 12,
  /** Bit of the same word, beside the padding: an ask says when its asker gives up, in two words behind its sender. */
  MESSAGE_DEADLINE_BIT: 32768,
  /** Bit of the type: the trace context of the message is behind the deadline, or where that would be, in MESSAGE_TRACE_WORDS words. */
  MESSAGE_TRACE_BIT: 128,
  MESSAGE_TRACE_WORDS: 8,
  /** A slot has at most 23 bits. */
  PARENT_GENERATION_SHIFT: 23,
  /** Counts of the statistics' distribution of probe lengths. */
  PROBE_COUNTS: 8,
  /** Generations a record can have before it is retired for ever, so that a stale reference can never match again. */
  GENERATION_MAX: 0x1ffffffe,
};

/** State of a record: the two lowest bits of its first word; the rest is the generation. */
export const recordStates = ['FREE', 'PENDING', 'LIVE', 'ABORTED'];

/** State of a thread. */
export const threadStates = ['EMPTY', 'STARTING', 'READY', 'LOST', 'FAILED', 'STOPPED'];

export const sections = {
  HEADER: [
    'MAGIC',
    'VERSION',
    'MEMORY_BYTES',
    'THREAD_COUNT',
    'RECORD_CAPACITY',
    'INDEX_BITS',
    'BUCKET_COUNT',
    'RING_BYTES',
    'SEED_0',
    'SEED_1',
    'THREADS_OFFSET',
    'COUNTERS_OFFSET',
    'GROUPS_OFFSET',
    'BUCKETS_OFFSET',
    'RECORDS_OFFSET',
    'RINGS_OFFSET',
    'SCRATCH_OFFSET',
    /** Number of listeners on the calling thread; nobody listens, nobody sends. */
    'DEAD_LETTER_LISTENERS',
    'SIGNAL_LISTENERS',
    'HISTOGRAMS_OFFSET',
    /** A word for each record: messages that wait for that agent or are handled by it, while it is in a named group. Written by its thread. */
    'LOADS_OFFSET',
    'ROTATIONS_OFFSET',
    'FLIGHT_OFFSET',
    /** Events of the flight record of one thread: a power of two. */
    'FLIGHT_CAPACITY',
    'METERS_OFFSET',
    /** 1 if the logger of the nexus takes lines of the level debug; nobody wants them, nobody sends them. */
    'DEBUG_LOGGED',
    /**
     * A double: until when handlers may begin, in milliseconds of the clock of the process; infinity for a nexus that is no node of a cluster. Written by the membership of the node, read by
     * each thread once a drain: so a node whose lease has run out stops, whichever of its threads still run.
     */
    { at: 26, name: 'RUN_UNTIL' },
  ],
  /** An entry of the list of names. The text, in UTF-8, begins at the byte behind the last word. */
  METER_NAME: [
    /** 0, or the hash of the name, what it names, and whether it is there already: see ts-src/runtime/meter-names.ts. Of the last two entries: 1 once somebody has said that there is no room. */
    'STATE',
    'TEXT_BYTES',
  ],
  FLIGHT: [
    /** Events written so far, modulo 2^32; written after the event. */
    'WRITTEN',
  ],
  FLIGHT_EVENT: [
    /** A double: milliseconds of the clock of the process. */
    'TIME',
    { at: 2, name: 'TYPE' },
    'SLOT',
    'GENERATION',
    'COUNT',
    'DETAIL_0',
    'DETAIL_1',
  ],
  THREAD: [
    // First cache line: written by the thread itself or by the thread that supervises it.
    'STATE',
    'INCARNATION',
    'AGENT_COUNT',
    'QUEUE_DEPTH',
    /** Slot of the agent whose start runs now, 0 for none, or a mark of ts-src/runtime/recovery.ts: if the thread ends in it, its successor leaves that agent out. */
    'STARTING',
    /** Grows while the event loop of this thread turns, if the nexus is a node of a cluster: see ts-src/runtime/event-loop-beat.ts. */
    'BEAT',
    // From word 16 (second cache line): written by other threads.
    { at: 16, name: 'PARKED' },
    // Third cache line: set to make a consumer run its drain although no ring has data.
    { at: 32, name: 'ATTENTION' },
  ],
  RING: [
    // Positions count bytes, wrap at 2^32, and are multiples of 8. Producer, consumer and the blocked flag have a line each.
    { at: 0, name: 'TAIL' },
    /** Written by the producer: a position | 1, of which the consumer is to say how long it took to get there; 0, by the consumer, when it has done so. */
    { at: 2, name: 'STAMP' },
    /** A double: when what ends at that position was published. */
    { at: 4, name: 'STAMPED_AT' },
    { at: 16, name: 'HEAD' },
    { at: 32, name: 'BLOCKED' },
    /** Between processes, written by the producer: LINK_ENDED_FINISHED if nothing comes after TAIL, LINK_ENDED_ABANDONED if what was not read yet must not be either. */
    { at: 48, name: 'ENDED' },
  ],
  LINK: ['MAGIC', 'VERSION', 'MEMORY_BYTES', 'RING_BYTES'],
  /** What one side says of its waiting: as PARKED and ATTENTION of a thread, a cache line each. */
  LINK_SIDE: [
    { at: 0, name: 'PARKED' },
    { at: 16, name: 'ATTENTION' },
    /** While it looks for frames without sleeping: the number of the processor it does so on, from 1. A hint, like all that is read of the other side. */
    { at: 32, name: 'LOOKS_ON' },
  ],
  RECORD: [
    /** generation << 2 | state. Every change of ownership of the record's bytes goes through this word. */
    'STATE',
    'HASH',
    /** thread << 16 | kind */
    'OWNER',
    'KEY_BYTES',
    'PAYLOAD_BYTES',
    /** Index of the first extension record, 0 for none. */
    'EXTENSION',
    /** Position of the index entry, counted in words from the start of the buckets. */
    'ENTRY',
    /** Agent that spawned this one: record index (0 for none) | lowest bits of its generation << PARENT_GENERATION_SHIFT; the highest bit: its end has begun; the one below: its mailbox is congested. Opaque to the table. */
    'PARENT',
    { at: 8, name: 'INLINE' },
  ],
  EXTENSION: ['STATE', 'NEXT', { at: 2, name: 'INLINE' }],
  BUCKET: [
    /** How many entries whose probe path passes this bucket live beyond it. */
    'OVERFLOW',
    { at: 1, name: 'ENTRIES' },
  ],
  SCRATCH: [
    /** Generation of the record that the last successful find saw. */
    'FOUND_GENERATION',
    /** Index of its kind. */
    'FOUND_KIND',
    /** What a batch fetched ahead, so that the loads are not removed. Nobody reads it. */
    'TOUCHED',
    /** A batch: for each name its position in the data, its bytes and its hash; then the results. */
    { at: 16, name: 'BATCH' },
    /** The name's bytes, zero-padded to a word, then the payload's, likewise. */
    { at: 272, name: 'DATA' },
  ],
  MESSAGE: [
    /** Bytes of the whole message with its header, a multiple of 8. */
    'BYTES',
    /** type | flags << 8 | padding << MESSAGE_PADDING_SHIFT | MESSAGE_DEADLINE_BIT | action << 16 */
    'TYPE',
    'SLOT',
    'GENERATION',
    { at: 4, name: 'EXTRA' },
  ],
};

/**
 * Types of a message in a ring. RESET: what came before belongs to an earlier life of the sender or the receiver; shapes and fragments start anew. FRAME: bytes between processes, behind
 * the two words of BYTES and TYPE.
 */
export const messageTypes = ['PADDING', 'TELL', 'ASK', 'REPLY', 'REPLY_ERROR', 'FRAGMENT', 'RESET', 'FRAME'];

/** Why no more comes through a ring between processes. */
export const linkEnds = ['OPEN', 'FINISHED', 'ABANDONED'];

/**
 * Bits of a message's flags. DECLARED: the payload was written by the codec of the shape that the action declares. The three bits above them
 * count the bytes between the end of the payload and the end of the message.
 */
export const messageFlags = ['HAS_SENDER', 'FIRST', 'LAST', 'DECLARED'];

/** Per-thread counters: 64-bit floats, each written by its own thread only, read by any. */
export const counters = [
  'SPAWNED',
  'STOPPED',
  'HANDLED',
  'FAILED',
  'RESTARTED',
  'SENT_LOCAL',
  'SENT_REMOTE',
  'RECEIVED_REMOTE',
  'ASKS',
  'ASK_TIMEOUTS',
  'ASK_FAILURES',
  'LATE_REPLIES',
  'REMOTE_BYTES',
  'RING_FULL',
  'OUTBOX_MESSAGES',
  'PARKS',
  'WAKES',
  'DEAD_NO_AGENT',
  'DEAD_MAILBOX_FULL',
  'DEAD_DROPPED',
  'DEAD_STOPPED',
  'DEAD_THREAD_LOST',
  'DEAD_NEXUS_STOPPED',
  'DEAD_REFUSED',
  'DEAD_RING_FULL',
  'DURABLE_WRITES',
  'DURABLE_WRITE_FAILURES',
  'DURABLE_HELD',
  'DURABLE_PASSIVATED',
  'DURABLE_REMINDERS',
];

/**
 * What a thread last measured of itself: 64-bit floats behind its counters, written by it alone. Not totals: each replaces the one before. MEASURED_AT, a time of the
 * clock of the process in milliseconds, is written last, and 0 while nothing was measured. See ts-src/runtime/thread-load.ts.
 */
export const measures = ['HEAP_USED_BYTES', 'HEAP_LIMIT_BYTES', 'UTILIZATION', 'LOOP_LAG_MS', 'COLLECTING', 'MEASURED_AT'];

/** A meter of an operation: 64-bit floats. BUCKETS is the first of METER_BUCKETS counts. */
export const operationDoubles = ['SUCCESSES', 'FAILURES', 'VIOLATIONS', 'SUM', 'BUCKETS'];

/** A meter of a circuit breaker: 64-bit floats. The first are totals, the others how many breakers of the name are in that state. */
export const breakerDoubles = ['SUCCESS', 'FAILURE', 'IGNORED', 'REFUSED', 'OPENED', 'IS_CLOSED', 'IS_OPEN', 'IS_HALF_OPEN', 'IS_ISOLATED'];

/** Per-thread histograms of durations in nanoseconds, each written by its own thread only, read by any. */
export const histograms = ['ASK_LOCAL', 'ASK_REMOTE', 'TURN', 'MESSAGE_WAIT'];

/** A histogram: 64-bit floats at these positions. MIN is 0 while there is none. BUCKETS is where the counts begin, on a cache line of their own. */
export const histogramDoubles = ['SUM', 'MIN', 'MAX', { at: 8, name: 'BUCKETS' }];

/** The cases of `signals`. */
export const NOBODY = 'emit, nobody wants it';
export const HERE = 'emit, one subscriber of the same thread';
export const THERE = 'emit, one subscriber of another thread';
export const MANY = 'match a topic against 10,000 patterns';
/** Signals between two looks at what has arrived: fewer than fit into a mailbox or a ring. */
export const BATCH = 1000;

/** Names of the cases of this suite. */
export const TELL = 'tell from outside, 1,000 at a time';
export const CTX_TELL = 'ctx.tell in a handler, 1,000 at a time';

/** The cases of `same-thread`, in one place because rows are matched by them. */
export const TELL = 'tell, one agent';
export const TELL_MANY = 'tell, 1,000 agents in turn';
export const ASK_P50 = 'ask, p50';
export const ASK_MEAN = 'ask, mean';
export const SPAWN = 'spawn+stop, one at a time';
export const SPAWN_BATCH = 'spawn+stop, 100 at a time';

export const BATCH = 1000;
export const AGENTS = 1000;
export const SPAWN_TOGETHER = 100;

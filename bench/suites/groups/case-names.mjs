/** The cases of `groups`, in one place because bars are matched by them. */
export const MEMBERS = 1000;
export const ROUND_ROBIN = `round robin among ${MEMBERS.toLocaleString('en-US')}`;
export const LEAST_LOADED = `least loaded among ${MEMBERS.toLocaleString('en-US')}`;
export const TWO_CHOICES = `two choices among ${MEMBERS.toLocaleString('en-US')}`;
export const BY_KEY = `consistent hash among ${MEMBERS.toLocaleString('en-US')}`;
export const JOIN = `join and leave among ${MEMBERS.toLocaleString('en-US')}`;

/** A command that could not do its work, with what its user reads: exit code 1. The text is all that is shown, without a stack of ours. */
export class CommandFailure extends Error {}

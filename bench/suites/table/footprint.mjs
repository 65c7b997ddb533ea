/** How large a table for so many names is: as the default of `memory.agentsMax` for a million, twice as many records as names. */
export function capacityFor(names) {
  return Math.max(2 ** 12, 2 ** Math.ceil(Math.log2(names * 2)));
}

/** The process of one task: imports the module of the peer and passes on what it reports. Started by `task.mjs`. */
const { module, parameters, size } = JSON.parse(process.argv[2]);

const report = {
  /** @param {string} name of the case @param {string} unit @param {number} value */
  value(name, unit, value) {
    if (!(Number.isFinite(value) && value > 0)) throw new Error(`${name} measured as ${value} ${unit}`);
    process.send({ type: 'value', case: name, unit, value });
  },
  /** How often something happened, which may be never. */
  count(name, unit, value) {
    if (!(Number.isInteger(value) && value >= 0)) throw new Error(`${name} counted as ${value} ${unit}`);
    process.send({ type: 'value', case: name, unit, value });
  },
  /** Something about the run that is no measurement. */
  note(name, value) {
    process.send({ type: 'note', name, value });
  },
};

try {
  const { run } = await import(module);
  await run(size, report, parameters);
  // What it leaves behind need not be taken down; the last message is sent when those before it are.
  process.send({ type: 'end' }, () => process.exit(0));
} catch (error) {
  process.send({ type: 'error', message: error instanceof Error ? (error.stack ?? error.message) : String(error) }, () => process.exit(1));
}

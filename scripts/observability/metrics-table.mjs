/** The part of `docs/metrics.md` that is made of the catalogue: the table of metrics, and how many time series there may be. */
const BEGIN = '<!-- generated from the catalogue of metrics: npm run dashboards -->';
const END = '<!-- end of what is generated -->';

/** The page with its generated part replaced. @throws Error if the page has no place for it */
export function withTable(page, metrics, seriesMax) {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`docs/metrics.md has no '${BEGIN}' and '${END}'`);
  return `${page.slice(0, from)}${BEGIN}\n\n${table(metrics)}\n\n${series(metrics, seriesMax)}\n\n${page.slice(to)}`;
}

function table(metrics) {
  const rows = metrics.map(({ name, type, labels, help, source }) => {
    const set = labels.length === 0 ? '' : `{${labels.map((label) => label.name).join(',')}}`;
    return `| \`${name}${set}\` | ${type} | ${help} | ${SOURCES[source.from]} |`;
  });
  return ['| metric | type | what it is | read from |', '|---|---|---|---|', ...rows].join('\n');
}

const SOURCES = {
  counters: 'counters of each thread',
  load: 'measurements of each thread',
  histograms: 'histograms of each thread',
  threads: 'each thread',
  table: 'the routing table',
  operations: 'meters, all threads together',
  breakers: 'meters, all threads together',
  engine: 'the nexus',
  cluster: 'the snapshot of the cluster',
  gateway: 'the gateway',
  process: 'the process and its calling thread',
};

function series(metrics, seriesMax) {
  const labels = new Map();
  for (const metric of metrics)
    for (const { name, what } of metric.labels) {
      const row = labels.get(`${name} ${what}`) ?? { name, what, of: [] };
      row.of.push(`\`${metric.name}\``);
      labels.set(`${name} ${what}`, row);
    }
  const requests = metrics.find(({ name }) => name === 'nexus_http_request_duration_seconds').buckets.length + 3;
  const ofNames = ['operations', 'breakers'];
  const count = (threads, isWanted) =>
    metrics
      .filter(({ source }) => isWanted(source.from))
      .reduce((sum, metric) => sum + seriesMax(metric, threads), 0)
      .toLocaleString('en');
  const fixed = (from) => !ofNames.includes(from) && from !== 'gateway' && from !== 'cluster';
  return [
    '| label | of | values |',
    '|---|---|---|',
    ...[...labels.values()].map(({ name, what, of }) => `| \`${name}\` | ${of.length > 5 ? `${of.length} metrics` : of.join(', ')} | ${what} |`),
    '',
    `So many time series there are at most, however many agents there are: ${count(1, fixed)} with one thread, ${count(8, fixed)} with 8, ${count(128, fixed)} with 128; and of operations and breakers ` +
      `${count(1, (from) => ofNames.includes(from))} when all 256 names are taken, with any number of threads; of a node of a cluster ${count(1, (from) => from === 'cluster')} with 64 other nodes or more. Of requests there are ${requests} for each route, method and status that has occurred; what clients make up adds none.`,
  ].join('\n');
}

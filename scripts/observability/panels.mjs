/** What panels of dashboards are made of: `M(name, ...matchers)` is a metric of the chosen jobs and instances, and the rest is built of it. Used by `dashboards.mjs` and `cluster-dashboard.mjs`. */
export const M = (name, ...matchers) => `${name}{${['job=~"$job"', 'instance=~"$instance"', ...matchers].join(', ')}}`;
export const rate = (name, ...matchers) => `rate(${M(name, ...matchers)}[$__rate_interval])`;
export const sum = (expression, ...labels) => (labels.length === 0 ? `sum(${expression})` : `sum by (${labels.join(', ')}) (${expression})`);
export const max = (expression, ...labels) => `max by (${labels.join(', ')}) (${expression})`;
export const quantile = (q, histogram, labels, ...matchers) => `histogram_quantile(${q}, ${sum(rate(`${histogram}_bucket`, ...matchers), 'le', ...labels)})`;

/** One query with its legend. */
export const q = (expr, legend) => ({ expr, legend });
export const quantiles = (histogram, labels = [], prefix = '', ...matchers) =>
  [0.5, 0.95, 0.99].map((each) => q(quantile(each, histogram, labels, ...matchers), `${prefix}p${each * 100}`));

export const lines = (title, unit, description, ...queries) => ({ type: 'timeseries', title, unit, description, queries });
export const stacked = (title, unit, description, ...queries) => ({ ...lines(title, unit, description, ...queries), isStacked: true });
export const stat = (title, unit, description, expr, thresholds = []) => ({ type: 'stat', title, unit, description, queries: [q(expr, '')], thresholds });
export const heat = (title, unit, description, expr) => ({ type: 'heatmap', title, unit, description, queries: [q(expr, '{{le}}')] });

/**
 * What an expression of Prometheus asks for: a reader of its names and labels, which checks them against the catalogue of metrics. It does not evaluate anything, and it does not replace
 * promtool, which knows the grammar: it knows what there is.
 */
const FUNCTIONS = new Set([
  'sum',
  'max',
  'min',
  'avg',
  'count',
  'topk',
  'rate',
  'increase',
  'changes',
  'histogram_quantile',
  'clamp_min',
  'clamp_max',
  'vector',
  'time',
]);
const GROUPINGS = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right']);
const OPERATORS = new Set(['and', 'or', 'unless', 'bool', 'offset']);
/** Put there by whoever scrapes. */
const TARGET_LABELS = ['job', 'instance'];
const TOKEN = /\s+|"(?:[^"\\]|\\.)*"|\d+(?:\.\d+)?(?:e[+-]?\d+)?(?:ms|[smhdwy])?|[a-zA-Z_:][\w:]*|\$\w+|[=!]~|[=!<>]=|[-+*/%^<>=(){}[\],]/y;

/**
 * @param {string} expression
 * @param {readonly { name: string, type: string, labels: readonly { name: string }[] }[]} catalogue
 * @param {{ isSelector?: boolean }} [options] it only chooses series, without reading their values
 * @returns {{ metrics: Set<string>, labels: Set<string>, grouped: Set<string> }} the metrics it reads, by their names in the catalogue, the labels it names, and those it groups by
 * @throws Error that says what there is not
 */
export function checkExpression(expression, catalogue, { isSelector = false } = {}) {
  const wrong = (what) => new Error(`${what}, in: ${expression}`);
  const tokens = tokensOf(expression, wrong);
  const metrics = new Set();
  const named = new Set();
  const grouped = new Set();
  const known = new Set(TARGET_LABELS);
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at];
    if (!/^[a-zA-Z_:]/.test(token) || OPERATORS.has(token)) continue;
    if (GROUPINGS.has(token)) {
      if (tokens[at + 1] !== '(') continue;
      for (at += 2; tokens[at] !== ')'; at++) if (tokens[at] !== ',') grouped.add(tokens[at]);
      continue;
    }
    if (tokens[at + 1] === '(' || (GROUPINGS.has(tokens[at + 1]) && FUNCTIONS.has(token))) {
      if (!FUNCTIONS.has(token)) throw wrong(`'${token}' is not a function this project uses`);
      continue;
    }
    const { metric, type, labels } = lookUp(token, catalogue, wrong);
    metrics.add(metric);
    for (const label of labels) known.add(label);
    if (tokens[at + 1] === '{') {
      for (at += 2; tokens[at] !== '}'; at++) {
        if (tokens[at] === ',') continue;
        if (!labels.has(tokens[at]) && !TARGET_LABELS.includes(tokens[at])) throw wrong(`'${metric}' has no label '${tokens[at]}'`);
        named.add(tokens[at]);
        at += 2;
      }
    }
    if (!isSelector && type !== 'gauge' && tokens[at + 1] !== '[') throw wrong(`'${token}' only grows: it is read over a time, such as rate(${token}[5m])`);
  }
  for (const label of grouped) if (!known.has(label)) throw wrong(`none of its metrics has the label '${label}' that it groups by`);
  return { metrics, labels: new Set([...named, ...grouped]), grouped };
}

function lookUp(name, catalogue, wrong) {
  const plain = catalogue.find((each) => each.name === name);
  const histogram = catalogue.find((each) => each.type === 'histogram' && [`${each.name}_bucket`, `${each.name}_sum`, `${each.name}_count`].includes(name));
  if (plain?.type === 'histogram') throw wrong(`'${name}' is a histogram: its series end in _bucket, _sum and _count`);
  const definition = plain ?? histogram;
  if (definition === undefined) throw wrong(`there is no metric '${name}'`);
  const labels = new Set(definition.labels.map((label) => label.name));
  if (name === `${histogram?.name}_bucket`) labels.add('le');
  return { metric: definition.name, type: definition.type, labels };
}

function tokensOf(expression, wrong) {
  const tokens = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < expression.length) {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(expression);
    if (match === null) throw wrong(`cannot read '${expression.slice(from, from + 10)}'`);
    if (match[0].trim() !== '') tokens.push(match[0]);
  }
  return tokens;
}

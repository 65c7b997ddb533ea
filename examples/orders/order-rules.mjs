/**
 * What an order does with each command, as pure functions: state and input in, next state and effects out. Nothing here waits, sends or reads a clock; who runs it is
 * `order.mjs`.
 *
 * An order must never tell others what a crash could undo, and never forget to tell them. So no decision tells anybody anything: it writes a **letter**, which is part of its
 * state (an outbox), and sends itself `deliver`. The order handles that when the decision is on disk. A letter to an article stays until the article has acknowledged it;
 * a reminder repeats `deliver` until there are none. It is stored before the state that has the letters. So a letter arrives at least once, whatever is killed when; an
 * article takes it once.
 *
 * For the same reason a reminder is cancelled by a letter: were it cancelled at once, and the decision then lost, there would be an order that nobody looks after.
 */
import { effect } from 'nexus-agents';

/** Answers of this many commands are remembered; the oldest is forgotten. */
export const ANSWERS_MAX = 64;
/** What is not acknowledged is told again after so long. */
export const DELIVER_EVERY_MS = 500;
export const PAYMENT_WITHIN_MS = 15 * 60_000;
const PAYMENT_REMINDER = 'payment';
const LETTERS_REMINDER = 'letters';

/** @typedef {'new' | 'placed' | 'paymentRequested' | 'paid' | 'packed' | 'shipped' | 'cancelled'} OrderStatus */
/** @typedef {{ article: string, units: number }} Line */
/** @typedef {{ type: 'article', article: string, action: 'reserve' | 'ship' | 'release', units: number } | { type: 'signal', status: OrderStatus } | { type: 'cancelReminder', name: string }} LetterText */
/** @typedef {LetterText & { number: number }} Letter */
/** @typedef {{ accepted: boolean, status: OrderStatus, because?: string }} Answer what a customer is told */
/**
 * @typedef {object} Order
 * @property {OrderStatus} status
 * @property {number} paymentWithinMs
 * @property {string} customer
 * @property {readonly Line[]} lines
 * @property {number | undefined} paymentDueEpochMs
 * @property {string | undefined} cancelledBecause
 * @property {readonly { status: OrderStatus, epochMs: number }[]} history
 * @property {readonly Letter[]} letters  Not delivered, or not acknowledged.
 * @property {number} lettersWritten
 * @property {readonly { commandId: string, command: string, answer: Answer }[]} answers
 */
/** @typedef {import('nexus-agents').Facts} Facts */

/** @param {string} article the id of its agent */
export const articleId = (article) => `article/${article}`;

/**
 * @param {{ paymentWithinMs?: number } | undefined} init
 * @returns {Order}
 */
export const newOrder = (init) => ({
  status: 'new',
  paymentWithinMs: init?.paymentWithinMs ?? PAYMENT_WITHIN_MS,
  customer: '',
  lines: [],
  paymentDueEpochMs: undefined,
  cancelledBecause: undefined,
  history: [],
  letters: [],
  lettersWritten: 0,
  answers: [],
});

// What customers and the warehouse ask for.

/** @type {(order: Order, command: { commandId: string, customer: string, lines: readonly Line[] }, facts: Facts) => object} */
export const place = (order, command, facts) =>
  once(order, 'place', command, facts, () => {
    if (order.status !== 'new') return 'this number has been taken';
    const { customer, lines } = command;
    return written(moved({ ...order, customer, lines }, 'placed', facts), lines.map(letterTo('reserve')));
  });

/** @type {(order: Order, command: { commandId: string }, facts: Facts) => object} */
export const pay = (order, command, facts) =>
  once(order, 'pay', command, facts, () => {
    if (order.status !== 'paymentRequested') return notWhile(order);
    return written(moved(order, 'paid', facts), [{ type: 'cancelReminder', name: PAYMENT_REMINDER }]);
  });

/** @type {(order: Order, command: { commandId: string }, facts: Facts) => object} */
export const pack = (order, command, facts) =>
  once(order, 'pack', command, facts, () => (order.status === 'paid' ? moved(order, 'packed', facts) : notWhile(order)));

/** @type {(order: Order, command: { commandId: string }, facts: Facts) => object} */
export const ship = (order, command, facts) =>
  once(order, 'ship', command, facts, () => {
    if (order.status !== 'packed') return notWhile(order);
    return written(moved(order, 'shipped', facts), order.lines.map(letterTo('ship')));
  });

/** @type {(order: Order, command: { commandId: string }, facts: Facts) => object} */
export const cancel = (order, command, facts) =>
  once(order, 'cancel', command, facts, () => {
    if (order.status !== 'placed' && order.status !== 'paymentRequested') return notWhile(order);
    return cancelled(order, 'customer', facts);
  });

// What reminders and articles lead to.

/** The reminder: nobody has paid. @type {(order: Order, input: unknown, facts: Facts) => object} */
export const expire = (order, _input, facts) => {
  // It is late, or it was set by a decision that a crash undid; then another one is, or will be, set.
  if (order.status !== 'paymentRequested' || facts.epochMs < /** @type {number} */ (order.paymentDueEpochMs)) return { state: order };
  return withDelivery(order, cancelled(order, 'notPaid', facts), facts);
};

/** An article has done what it was told. @type {(order: Order, input: { letter: number, accepted: boolean }, facts: Facts) => object} */
export const acknowledge = (order, { letter: number, accepted }, facts) => {
  const letter = order.letters.find((one) => one.number === number);
  // It was told twice, or the order was cancelled meanwhile.
  if (letter === undefined || letter.type !== 'article') return { state: order };
  const next = { ...order, letters: order.letters.filter((one) => one !== letter) };
  if (letter.action !== 'reserve') return { state: next };
  if (!accepted) return withDelivery(order, cancelled(next, 'soldOut', facts), facts);
  if (next.letters.some(isReservation)) return { state: next };
  const paymentDueEpochMs = facts.epochMs + order.paymentWithinMs;
  const { state, effects } = withDelivery(order, moved({ ...next, paymentDueEpochMs }, 'paymentRequested', facts), facts);
  return { state, effects: [effect.remindAt(PAYMENT_REMINDER, paymentDueEpochMs, 'expire'), ...effects] };
};

/** What was decided is on disk: now others are told. Again, until they have acknowledged it. @type {(order: Order, input: unknown, facts: Facts) => object} */
export const deliver = (order, _input, facts) => {
  if (order.letters.length === 0) return { state: order, effects: [effect.cancelReminder(LETTERS_REMINDER)] };
  return {
    state: { ...order, letters: order.letters.filter(({ type }) => type === 'article') },
    effects: order.letters.map((letter) => delivered(letter, order, facts)),
  };
};

/** @type {(letter: Letter, order: Order, facts: Facts) => import('nexus-agents').Effect} */
function delivered(letter, order, facts) {
  switch (letter.type) {
    case 'article':
      return effect.send(articleId(letter.article), letter.action, { order: facts.id, units: letter.units, letter: letter.number });
    case 'signal':
      return effect.emit(`orders.${facts.id}.${letter.status}`, { order: facts.id, customer: order.customer, status: letter.status, letter: letter.number });
    case 'cancelReminder':
      return effect.cancelReminder(letter.name);
  }
}

/** What anybody may see of an order. @param {Order} order */
export const view = ({ status, customer, lines, paymentDueEpochMs, cancelledBecause, history, letters }) => ({
  status,
  customer,
  lines,
  paymentDueEpochMs,
  cancelledBecause,
  history,
  undelivered: letters.length,
});

/**
 * A command that comes again, because its answer was lost, gets the answer it got, and does nothing.
 * @param {Order} order
 * @param {string} name
 * @param {{ commandId: string }} command
 * @param {Facts} facts
 * @param {() => Order | string} decide the next order, or why not
 */
function once(order, name, { commandId }, facts, decide) {
  const before = order.answers.find((one) => one.commandId === commandId);
  if (before?.command === name) return { state: order, effects: [effect.reply(before.answer)] };
  if (before !== undefined) return { state: order, effects: [effect.reply(refusal(order, `command ${commandId} was '${before.command}'`))] };
  const decided = decide();
  const next = typeof decided === 'string' ? order : decided;
  const answer = typeof decided === 'string' ? refusal(order, decided) : { accepted: true, status: next.status };
  const answers = [...order.answers.slice(1 - ANSWERS_MAX), { commandId, command: name, answer }];
  const { state, effects } = withDelivery(order, { ...next, answers }, facts);
  return { state, effects: [...effects, effect.reply(answer)] };
}

/** @type {(order: Order, because: string) => Answer} */
const refusal = ({ status }, because) => ({ accepted: false, status, because });
/** @type {(order: Order) => string} */
const notWhile = ({ status }) => (status === 'new' ? 'there is no such order' : `it is ${status}`);

/** Sees to it that new letters are delivered. The reminder comes first: it must be there when they are. @type {(before: Order, state: Order, facts: Facts) => { state: Order, effects: any[] }} */
function withDelivery(before, state, facts) {
  if (state.lettersWritten === before.lettersWritten) return { state, effects: [] };
  return { state, effects: [effect.remindEvery(LETTERS_REMINDER, DELIVER_EVERY_MS, 'deliver'), effect.send(facts.id, 'deliver')] };
}

/** Every step is made known. @type {(order: Order, status: OrderStatus, facts: Facts) => Order} */
const moved = (order, status, { epochMs }) => written({ ...order, status, history: [...order.history, { status, epochMs }] }, [{ type: 'signal', status }]);

/** What it has reserved, or is about to, it releases: an article that has no reservation of it acknowledges that, too. @type {(order: Order, because: string, facts: Facts) => Order} */
function cancelled(order, because, facts) {
  const kept = { ...order, cancelledBecause: because, letters: order.letters.filter((letter) => !isReservation(letter)) };
  return written(moved(kept, 'cancelled', facts), [...order.lines.map(letterTo('release')), { type: 'cancelReminder', name: PAYMENT_REMINDER }]);
}

/** @type {(order: Order, letters: readonly LetterText[]) => Order} */
function written(order, letters) {
  const numbered = letters.map((letter, index) => ({ ...letter, number: order.lettersWritten + index + 1 }));
  return { ...order, letters: [...order.letters, ...numbered], lettersWritten: order.lettersWritten + letters.length };
}

/** @type {(letter: Letter) => boolean} */
const isReservation = (letter) => letter.type === 'article' && letter.action === 'reserve';
/** @type {(action: 'reserve' | 'ship' | 'release') => (line: Line) => LetterText} */
const letterTo = (action) => (line) => ({ type: 'article', article: line.article, action, units: line.units });

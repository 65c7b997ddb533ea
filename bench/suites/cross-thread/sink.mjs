/** The agent on the other thread: counts what it gets, and answers. */
import { defineAgent, shape } from 'nexus-agents';
import { weigh } from './messages.mjs';

const small = shape.object({ id: shape.uint32, price: shape.float64, tag: shape.string });
const six = shape.object({
  id: shape.uint32,
  user: shape.string,
  price: shape.float64,
  quantity: shape.uint16,
  tag: shape.string,
  at: shape.float64,
});
const seven = shape.object({ ...six.fields, note: shape.string });

export const Sink = defineAgent({
  kind: 'bench-sink',
  state: () => ({ count: 0, sum: 0 }),
  actions: {
    take,
    takeSmall: { input: small, handler: take },
    takeSix: { input: six, handler: take },
    takeSeven: { input: seven, handler: take },
    takeBytes: { input: shape.bytes, handler: take },
    nothing: () => undefined,
    totals: (state) => ({ count: state.count, sum: state.sum }),
    echo: (_state, value) => value,
    echoSmall: { input: small, reply: small, handler: (_state, value) => value },
  },
});

function take(state, value) {
  state.count++;
  state.sum = (state.sum + weigh(value)) | 0;
}

/**
 * What the kernel does to the packets of a node, as a program of the classic packet filter (McCanne and Jacobson 1993): those to a peer that is cut off are dropped, of those over a link that loses some a random share
 * is. Needs the classifier `bpf` of tc, which is in kernels that have no `netem`. Pure.
 */

export interface PacketRule {
  /** IPv4 address of the peer. */
  readonly to: string;
  /** 1: nothing gets through. */
  readonly loss: number;
}

const LOAD_WORD = 0x20;
const LOAD_HALF = 0x28;
const JUMP_IF_EQUAL = 0x15;
const JUMP_IF_GREATER_OR_EQUAL = 0x35;
const RETURN = 0x06;
const OFFSET_OF_TYPE = 12;
const OFFSET_OF_DESTINATION = 30;
const IPV4 = 0x0800;
/** Loads from there are random numbers: SKF_AD_OFF + SKF_AD_RANDOM. */
const RANDOM = 0xfffff000 + 56;
/** Of tc: TC_ACT_OK, TC_ACT_SHOT. */
const PASS = 0;
const DROP = 2;

/** The program as `tc filter ... bpf bytecode` takes it; undefined if it would let everything through. */
export function packetFilter(rules: readonly PacketRule[]): string | undefined {
  const active = rules.filter(({ loss }) => loss > 0);
  if (active.length === 0) return undefined;
  const lines: [code: number, ifTrue: number, ifFalse: number, value: number][] = [
    [LOAD_HALF, 0, 0, OFFSET_OF_TYPE],
    [JUMP_IF_EQUAL, 1, 0, IPV4],
    [RETURN, 0, 0, PASS],
    [LOAD_WORD, 0, 0, OFFSET_OF_DESTINATION],
  ];
  for (const { to, loss } of active) {
    const body: typeof lines =
      loss >= 1
        ? [[RETURN, 0, 0, DROP]]
        : [
            [LOAD_WORD, 0, 0, RANDOM],
            [JUMP_IF_GREATER_OR_EQUAL, 1, 0, Math.round(loss * 0xffffffff)],
            [RETURN, 0, 0, DROP],
            [RETURN, 0, 0, PASS],
          ];
    lines.push([JUMP_IF_EQUAL, 0, body.length, addressNumber(to)], ...body);
  }
  lines.push([RETURN, 0, 0, PASS]);
  return `${lines.length},${lines.map((line) => line.join(' ')).join(',')}`;
}

function addressNumber(address: string): number {
  return address.split('.').reduce((number, part) => number * 256 + Number(part), 0);
}

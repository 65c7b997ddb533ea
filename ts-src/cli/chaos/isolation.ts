/**
 * Namespaces of the kernel for a run of chaos as a whole: of the network, of mounts, and of processes. As root they are made at once, for others in a user namespace, where the system allows that. Whatever is started,
 * mounted or configured inside ends with the first process inside, and that one ends with this one: nothing is left behind, however the run ends.
 */
import { spawn, spawnSync } from 'node:child_process';

/** Set inside. */
export const INSIDE_VARIABLE = 'NEXUS_CHAOS_ISOLATED';
const PROBE_MS = 10_000;

/** Makes a network as `namespaces.ts` does, and a disk of limited size, and takes them away again. */
const PROBE = `
mount -t tmpfs tmpfs /run
mkdir -p /run/netns
ip link set lo up
ip netns add n1
ip link add v1 type veth peer name eth0 netns n1
ip link add chaos type bridge
tc qdisc add dev v1 clsact
tc filter replace dev v1 ingress prio 1 handle 1 protocol all bpf bytecode '1,6 0 0 0' direct-action
nsenter --net=/run/netns/n1 true
`;

function commandInside(): readonly string[] {
  const isRoot = process.getuid?.() === 0;
  return ['unshare', ...(isRoot ? [] : ['--map-root-user']), '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
}

/** Why there can be no namespaces here; undefined if there can. */
export function whyNoNamespaces(): string | undefined {
  if (process.platform !== 'linux') return `network namespaces are of Linux, and this is ${process.platform}`;
  const [file, ...args] = commandInside() as [string, ...string[]];
  const { status, stderr, error } = spawnSync(file, [...args, 'sh', '-e', '-c', PROBE], { encoding: 'utf8', timeout: PROBE_MS });
  if (error !== undefined) return (error as NodeJS.ErrnoException).code === 'ENOENT' ? "the command 'unshare' is not installed" : error.message;
  if (status === 0) return undefined;
  return stderr.trim().split('\n').at(-1) || `the probe ended with ${status}`;
}

/** Runs this command again inside; resolves with its exit code. Signals are passed on as a line on its standard input, which ends with this process. */
export async function runInside(args: readonly string[]): Promise<number> {
  const [file, ...options] = commandInside() as [string, ...string[]];
  const [, script = ''] = process.argv;
  const inner = ['sh', '-c', 'mount -t tmpfs tmpfs /run && exec "$0" "$@"', process.execPath, ...process.execArgv, script, ...args];
  const child = spawn(file, [...options, ...inner], { stdio: ['pipe', 'inherit', 'inherit'], env: { ...process.env, [INSIDE_VARIABLE]: '1' }, detached: true });
  const stop = (): void => void child.stdin?.write('stop\n');
  child.stdin?.on('error', () => undefined);
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    return await new Promise<number>((resolve) => {
      child.once('error', () => resolve(1));
      child.once('close', (code) => resolve(code ?? 1));
    });
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

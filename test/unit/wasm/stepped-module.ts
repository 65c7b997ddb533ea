/**
 * The WebAssembly table with a hook before every access to the memory, compiled from the same sources: what other threads do between any two steps of a call can then be
 * chosen by a test. The hook may itself call instances of other threads.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SharedMemory } from '../../../dist/bindings/shared-memory.js';
import type { WasmInstance, WasmModule } from '../../../dist/bindings/wasm/wasm-module.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Each access of the sources becomes a call of one of these. */
const hooked = `
@external('env', 'step') declare function step(): void;
export function hookedLoad(at: u32, offset: u32 = 0): u32 { step(); return atomic.load<u32>(at + offset); }
/** The lanes one after the other, so that others may act between them, too. */
export function hookedVector(at: u32, offset: u32 = 0): v128 {
  const first = i32x4.replace_lane(i32x4.splat(0), 0, hookedLoad(at, offset));
  const second = i32x4.replace_lane(first, 1, hookedLoad(at, offset + 4));
  const third = i32x4.replace_lane(second, 2, hookedLoad(at, offset + 8));
  return i32x4.replace_lane(third, 3, hookedLoad(at, offset + 12));
}
export function hookedStore(at: u32, value: u32, offset: u32 = 0): void { step(); atomic.store<u32>(at + offset, value); }
export function hookedCompareExchange(at: u32, from: u32, to: u32): u32 { step(); return atomic.cmpxchg<u32>(at, from, to); }
export function hookedAdd(at: u32, value: u32): u32 { step(); return atomic.add<u32>(at, value); }
export function hookedSubtract(at: u32, value: u32): u32 { step(); return atomic.sub<u32>(at, value); }
`;
const accesses: readonly (readonly [RegExp, string])[] = [
  [/\batomic\.load<u32>\(/g, 'hookedLoad('],
  [/\bv128\.load\(/g, 'hookedVector('],
  [/\batomic\.store<u32>\(|(?<![.\w])store<u32>\(/g, 'hookedStore('],
  [/\batomic\.cmpxchg<u32>\(/g, 'hookedCompareExchange('],
  [/\batomic\.add<u32>\(/g, 'hookedAdd('],
  [/\batomic\.sub<u32>\(/g, 'hookedSubtract('],
];

/** Returns a module whose instances call `step` before every access. */
export async function compileStepped(step: () => void): Promise<WasmModule> {
  const bytes = await compileSteppedBytes();
  const { WebAssembly } = globalThis as unknown as {
    WebAssembly: { Module: new (bytes: Uint8Array) => object; Instance: new (module: object, imports: object) => { exports: unknown } };
  };
  const module = new WebAssembly.Module(bytes);
  return (shared: SharedMemory) => new WebAssembly.Instance(module, { env: { memory: shared.memory, step } }).exports as WasmInstance;
}

/** Bytes of a module that imports `env.step`. `change` may make another source of each file, to see that tests notice. */
export async function compileSteppedBytes(change: (file: string, text: string) => string = (_, text) => text): Promise<Uint8Array> {
  const { default: asc } = await import('assemblyscript/asc');
  const sources = new Map<string, string>([['wasm/hooked.ts', hooked]]);
  const names = accesses.map(([, name]) => name.slice(0, -1)).join(', ');
  for (const file of readdirSync(join(root, 'wasm')).filter((name) => name.endsWith('.ts'))) {
    let text = change(file, readFileSync(join(root, 'wasm', file), 'utf8'));
    for (const [access, name] of accesses) text = text.replace(access, name);
    sources.set(`wasm/${basename(file)}`, `import { ${names} } from './hooked';\n${text}`);
  }
  sources.set('layout/generated/wasm/layout.ts', readFileSync(join(root, 'layout/generated/wasm/layout.ts'), 'utf8'));
  let compiled: Uint8Array | undefined;
  const options = ['--runtime', 'stub', '--importMemory', '--noExportMemory', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536'];
  const { error, stderr } = await asc.main(
    ['wasm/nexus.ts', '--outFile', 'stepped.wasm', ...options, '--enable', 'threads', '--enable', 'simd', '--use', 'abort=', '-O1'],
    {
      readFile: (name) => sources.get(name.replaceAll('\\', '/')) ?? null,
      writeFile: (_name, contents) => {
        compiled = contents as Uint8Array;
      },
      listFiles: () => [],
    },
  );
  if (error || compiled === undefined) throw new Error(`the AssemblyScript compiler failed: ${error?.message}\n${stderr.toString()}`);
  return compiled;
}

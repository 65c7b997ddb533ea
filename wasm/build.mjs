/**
 * Compiles wasm/*.ts (AssemblyScript) into dist/wasm/nexus.wasm. Does nothing when the result is newer than everything it is made of. Fails when the module would
 * bring something of its own into the shared memory. Prints only errors; `buildWasm` returns whether it compiled.
 */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { constants } from '../layout/schema.mjs';

const folder = dirname(fileURLToPath(import.meta.url));
const root = dirname(folder);
const layout = join(root, 'layout/generated/wasm/layout.ts');
const output = join(root, 'dist/wasm/nexus.wasm');

const options = [
  ['--runtime', 'stub'],
  // The memory is the nexus's, of whatever size: a module accepts any that is at least its own minimum and at most its own maximum.
  ['--importMemory', '--noExportMemory', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
  ['--enable', 'threads', '--enable', 'simd'],
  // An abort would need its message in memory.
  ['--noAssert', '--use', 'abort='],
  ['--optimizeLevel', '3', '--shrinkLevel', '0', '--converge'],
].flat();

export async function buildWasm() {
  const inputs = [...readdirSync(folder).map((file) => join(folder, file)), layout];
  const newest = Math.max(...inputs.map((file) => statSync(file).mtimeMs));
  if (existsSync(output) && statSync(output).mtimeMs > newest) return false;
  const { default: asc } = await import('assemblyscript/asc');
  mkdirSync(dirname(output), { recursive: true });
  // Another build may run at the same time, and readers must not find half a file.
  const unfinished = `dist/wasm/nexus-${process.pid}.wasm`;
  const { error, stderr } = await asc.main(['wasm/nexus.ts', '--baseDir', root, '--outFile', unfinished, ...options]);
  if (error) throw new Error(`the AssemblyScript compiler failed: ${error.message}\n${stderr.toString()}`, { cause: error });
  const reason = refuse(readFileSync(join(root, unfinished)));
  if (reason !== undefined) {
    rmSync(join(root, unfinished));
    throw new Error(`dist/wasm/nexus.wasm: ${reason}`);
  }
  appendFileSync(join(root, unfinished), customSection('layout', constants.VERSION));
  renameSync(join(root, unfinished), output);
  return true;
}

/** Why several instances of this module cannot share a memory, if so. */
function refuse(bytes) {
  const module = new WebAssembly.Module(bytes);
  const imports = WebAssembly.Module.imports(module).map(({ module, name, kind }) => `${module}.${name}: ${kind}`);
  if (imports.join() !== 'env.memory: memory') return `imports ${imports.join()}, not only env.memory`;
  const strange = WebAssembly.Module.exports(module).filter(({ kind }) => kind !== 'function');
  if (strange.length > 0) return `exports ${strange.map(({ name }) => name).join()}`;
  for (let at = 8; at < bytes.length; ) {
    const section = bytes[at++];
    if (section === 8) return 'has a start function';
    if (section === 11) return 'has data segments: a string, an array or other static data';
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      length |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    at += length;
  }
  return undefined;
}

/** What says which layout the module was compiled for: readable without an instance. */
function customSection(name, byte) {
  return Buffer.from([0, name.length + 2, name.length, ...Buffer.from(name), byte]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildWasm();

/** The one part of WebAssembly this project uses, typed here so that nobody needs the types of a browser. */
export interface SharedWebAssemblyMemory {
  readonly buffer: SharedArrayBuffer;
}

type MemoryConstructor = new (descriptor: { initial: number; maximum: number; shared: true }) => SharedWebAssemblyMemory;

/** Reserves shared memory of a fixed size, in pages of 64 KiB. Throws a `RangeError` when the address space is used up. */
export function reserveMemory(pages: number): SharedWebAssemblyMemory {
  const { WebAssembly } = globalThis as unknown as { WebAssembly: { Memory: MemoryConstructor } };
  return new WebAssembly.Memory({ shared: true, initial: pages, maximum: pages });
}

// A GPU device that only takes notes, for tests of what is asked of one. Computes nothing.

export interface FakeBuffer {
  label: string;
  size: number;
  usage: number;
  destroyed: boolean;
}

export interface FakeDevice {
  device: GPUDevice;
  buffers: FakeBuffer[];
  bindGroups: GPUBindGroupDescriptor[];
  pipelines: GPUComputePipelineDescriptor[];
  /** Bytes of every `writeBuffer`, by the label of the buffer. */
  written: Map<string, Uint8Array>;
  /** Submitted copies between buffers. */
  copies: { from: string; to: string; bytes: number }[];
  /** Labels of buffers that the GPU has no memory for. */
  outOfMemory: Set<string>;
}

export function fakeDevice({ maxBufferSize = 2 ** 28 } = {}): FakeDevice {
  Object.assign(globalThis, {
    GPUBufferUsage: { MAP_READ: 1, MAP_WRITE: 2, COPY_SRC: 4, COPY_DST: 8, UNIFORM: 64, STORAGE: 128, QUERY_RESOLVE: 512 },
    GPUMapMode: { READ: 1 },
    GPUShaderStage: { COMPUTE: 4 },
  });
  const notes: Omit<FakeDevice, 'device'> = { buffers: [], bindGroups: [], pipelines: [], written: new Map(), copies: [], outOfMemory: new Set() };
  const scopes: (string | undefined)[] = [];
  const note = <T>(list: T[]) => (descriptor: T): T => {
    list.push(descriptor);
    return descriptor;
  };
  const device = {
    features: new Set<string>(),
    limits: { maxBufferSize },
    createBuffer: ({ label, size, usage }: { label: string; size: number; usage: number }) => {
      if (notes.outOfMemory.has(label)) scopes[scopes.length - 1] = `no memory for ${label}`;
      const mapped = { mapAsync: () => Promise.resolve(), getMappedRange: () => new ArrayBuffer(size), unmap() {} };
      const buffer = { label, size, usage, ...mapped, destroyed: false, destroy: () => void (buffer.destroyed = true) };
      return note<FakeBuffer>(notes.buffers)(buffer);
    },
    pushErrorScope: () => void scopes.push(undefined),
    popErrorScope: () => {
      const message = scopes.pop();
      return Promise.resolve(message === undefined ? null : { message });
    },
    createShaderModule: (descriptor: GPUShaderModuleDescriptor) => descriptor,
    createBindGroupLayout: (descriptor: GPUBindGroupLayoutDescriptor) => descriptor,
    createPipelineLayout: (descriptor: GPUPipelineLayoutDescriptor) => descriptor,
    createComputePipelineAsync: (descriptor: GPUComputePipelineDescriptor) => Promise.resolve(note(notes.pipelines)(descriptor)),
    createBindGroup: note(notes.bindGroups),
    createCommandEncoder: () => {
      const copies: FakeDevice['copies'] = [];
      return {
        copyBufferToBuffer: (from: FakeBuffer, _start: number, to: FakeBuffer, _at: number, bytes: number) =>
          void copies.push({ from: from.label, to: to.label, bytes }),
        beginComputePass: () => ({ setPipeline() {}, setBindGroup() {}, dispatchWorkgroups() {}, end() {} }),
        finish: () => copies,
      };
    },
    queue: {
      submit: (commands: FakeDevice['copies'][]) => void notes.copies.push(...commands.flat()),
      writeBuffer: ({ label }: FakeBuffer, offset: number, bytes: ArrayBuffer | ArrayBufferView) => {
        const from = ArrayBuffer.isView(bytes) ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : new Uint8Array(bytes);
        const before = notes.written.get(label) ?? new Uint8Array(0);
        const after = new Uint8Array(Math.max(before.length, offset + from.length));
        after.set(before);
        after.set(from, offset);
        notes.written.set(label, after);
      },
    },
  };
  return { ...notes, device: device as unknown as GPUDevice };
}

// A GPU and a processor on a made-up clock, for tests of what overlaps: work takes as long as it is said to, and nothing else takes any time.

export interface Span {
  from: number;
  to: number;
}

interface FakeBuffer {
  label: string;
  size: number;
  /** When the last submit that uses it ends. */
  until: number;
  isMapped: boolean;
}

interface Commands {
  ms: number;
  uses: FakeBuffer[];
}

/** What compute passes are here: programs of tests add to it. */
export interface TimedPass {
  ms: number;
}

/** `readMs`: how long a buffer takes to come to the processor once the GPU has made it. */
export function madeUpClock(readMs: number) {
  Object.assign(globalThis, { GPUMapMode: { READ: 1 }, GPUBufferUsage: { MAP_READ: 1 } });
  let [now, free] = [0, 0];
  const due: { time: number; then: () => void }[] = [];
  const [gpu, processor]: [Span[], Span[]] = [[], []];
  const at = (time: number): Promise<void> => new Promise((then) => void due.push({ time, then }));

  const createBuffer = ({ label = '', size }: { label?: string; size: number }) => {
    const buffer: FakeBuffer = { label, size, until: 0, isMapped: false };
    return Object.assign(buffer, {
      async mapAsync(_: number, __: number, bytes: number) {
        if (buffer.isMapped) throw new Error(`${label} is mapped twice.`);
        buffer.isMapped = true;
        await at(Math.max(now, buffer.until) + readMs);
        return bytes;
      },
      getMappedRange: (_: number, bytes: number) => new ArrayBuffer(bytes),
      unmap: () => void (buffer.isMapped = false),
    });
  };

  const createCommandEncoder = () => {
    const commands: Commands = { ms: 0, uses: [] };
    return {
      beginComputePass: () => Object.assign(commands, { end() {} }),
      copyBufferToBuffer: (_: unknown, __: number, to: FakeBuffer) => void commands.uses.push(to),
      finish: () => commands,
    };
  };

  function submit([{ ms, uses }]: Commands[]): void {
    const mapped = uses.find(({ isMapped }) => isMapped);
    if (mapped) throw new Error(`${mapped.label} is used while it is mapped.`);
    const from = Math.max(now, free);
    free = from + ms;
    if (ms) gpu.push({ from, to: free });
    for (const each of uses) each.until = free;
  }

  const device = {
    createBuffer, createCommandEncoder, addEventListener() {}, lost: new Promise(() => {}),
    queue: { submit, writeBuffer() {}, onSubmittedWorkDone: () => at(free) },
  } as unknown as GPUDevice;

  return {
    device, gpu, processor,
    /** The processor is busy for so long. */
    work(ms: number): void {
      processor.push({ from: now, to: (now += ms) });
    },
    /** Has time pass until something is done; gives when it was. */
    async until(done: Promise<unknown>): Promise<number> {
      let isDone = false;
      const end = done.finally(() => (isDone = true));
      end.catch(() => {});
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve)); // all that waits for nothing has its turn
        if (isDone) break;
        const next = due.sort((a, b) => a.time - b.time).shift();
        if (!next) throw new Error('Something waits for what never comes.');
        now = Math.max(now, next.time);
        next.then();
      }
      await end;
      return Math.max(now, free);
    },
  };
}

/** Of the first spans so much as lies within the others. */
export const within = (spans: readonly Span[], others: readonly Span[]): number =>
  spans.reduce((sum, { from, to }) => sum + others.reduce((own, other) => own + Math.max(0, Math.min(to, other.to) - Math.max(from, other.from)), 0), 0);

// Every GPU buffer is made here: counts live bytes by purpose and refuses to pass the budget.
import { BudgetError, mib } from '../errors.ts';

/** `draft`: all of a model that guesses for another one. `test`: what the self-test needs beside a model; nothing of it is left when the model is loaded. */
export type Purpose = 'weights' | 'kv' | 'activations' | 'parameters' | 'staging' | 'draft' | 'test';

export interface Ledger {
  readonly budgetBytes: number;
  /** Bytes alive now. */
  readonly bytes: Readonly<Record<Purpose, number>>;
  readonly peakBytes: number;
  /** Zero-filled. Throws BudgetError before the budget is passed. */
  create(purpose: Purpose, label: string, size: number, usage: GPUBufferUsageFlags): GPUBuffer;
  destroy(buffer: GPUBuffer): void;
  /** What `make` gives; where it throws, the buffers that it made are destroyed. */
  allOrNone<T>(make: () => T): T;
  /** Counts bytes that the implementation holds for us, such as those of `writeBuffer`, until the returned function is called. */
  reserve(purpose: Purpose, bytes: number, label?: string): () => void;
  /** Rejects with BudgetError, its cause the device's error, if the device could not allocate a buffer made since the last call. */
  settle(): Promise<void>;
  destroyAll(): void;
}

/** Waits until what was made is known to be there; where there was no room, gives it back by `free`, and rejects. */
export async function settled(ledger: Pick<Ledger, 'settle'>, free: () => void): Promise<void> {
  try {
    await ledger.settle();
  } catch (error) {
    free();
    throw error;
  }
}

/** The ledger in which all of another is booked too, and under which purpose. */
export interface Within {
  ledger: Pick<Ledger, 'reserve'>;
  purpose: Purpose;
}

/** The bytes of a budget: what is alive of each purpose, and the most that ever was. */
interface Book {
  readonly bytes: Record<Purpose, number>;
  readonly total: number;
  readonly peak: number;
  /** Returns what gives the bytes back. BudgetError where there are not so many left. */
  take(purpose: Purpose, label: string, size: number): () => void;
}

function createBook(budgetBytes: number, within?: Within): Book {
  const bytes: Record<Purpose, number> = { weights: 0, kv: 0, activations: 0, parameters: 0, staging: 0, draft: 0, test: 0 };
  let total = 0;
  let peak = 0;
  return {
    bytes,
    get total() {
      return total;
    },
    get peak() {
      return peak;
    },
    take(purpose, label, size) {
      if (total + size > budgetBytes) {
        throw new BudgetError(
          `${label} needs ${mib(size)} on the GPU; ${mib(budgetBytes - total)} of the budget of ${mib(budgetBytes)} are left. Raise the budget, or ` +
          'choose a shorter context or a smaller model.',
        );
      }
      const giveThere = within?.ledger.reserve(within.purpose, size, label);
      bytes[purpose] += size;
      total += size;
      peak = Math.max(peak, total);
      return () => {
        bytes[purpose] -= size;
        total -= size;
        giveThere?.();
      };
    },
  };
}

export function createLedger(device: GPUDevice, budgetBytes: number, within?: Within): Ledger {
  const book = createBook(budgetBytes, within);
  const live = new Map<GPUBuffer, () => void>(); // what gives its bytes back
  /** Allocations under way, which give what made them fail: a promise that rejects while nobody waits ends a Node process. */
  const pending = new Set<Promise<unknown>>();
  let untold: unknown; // the first failure that no `settle` has waited for

  const destroy = (buffer: GPUBuffer) => {
    const give = live.get(buffer);
    if (!give) return;
    live.delete(buffer);
    give();
    buffer.destroy();
  };

  return {
    budgetBytes,
    bytes: book.bytes,
    get peakBytes() {
      return book.peak;
    },
    create(purpose, label, size, usage) {
      size = Math.max(16, Math.ceil(size / 16) * 16); // bindings of size 0 are invalid
      if (size > device.limits.maxBufferSize) {
        throw new BudgetError(`${label} needs a buffer of ${mib(size)}; this device allows at most ${mib(device.limits.maxBufferSize)}.`, {
          code: 'adapter_limit',
        });
      }
      const give = book.take(purpose, label, size);
      device.pushErrorScope('out-of-memory');
      const buffer = device.createBuffer({ label, size, usage });
      const allocated = device.popErrorScope().then(
        (error): unknown => error && new BudgetError(
          `The GPU could not allocate ${mib(size)} for ${label} (${mib(book.total)} are in use): ${error.message}. Choose a smaller budget.`,
          { code: 'gpu_out_of_memory', cause: error },
        ),
        (error: unknown) => error,
      ).then((failure) => {
        pending.delete(allocated);
        untold ??= failure ?? undefined;
        return failure;
      });
      pending.add(allocated);
      live.set(buffer, give);
      return buffer;
    },
    destroy,
    allOrNone(make) {
      const before = new Set(live.keys());
      try {
        return make();
      } catch (error) {
        for (const buffer of live.keys()) if (!before.has(buffer)) destroy(buffer);
        throw error;
      }
    },
    reserve(purpose, size, label = 'An upload') {
      const give = book.take(purpose, label, size);
      let held = true;
      return () => {
        if (held) give();
        held = false;
      };
    },
    async settle() {
      const failures = await Promise.all(pending);
      const told = failures.find((failure) => failure) ?? untold;
      untold = undefined;
      if (told !== undefined) throw told;
    },
    destroyAll() {
      for (const [buffer, give] of live) {
        give();
        buffer.destroy();
      }
      live.clear();
    },
  };
}

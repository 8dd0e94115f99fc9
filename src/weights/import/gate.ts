// Lets work pass, or holds it back until it is opened again.

export interface Gate {
  set(open: boolean): void;
  /** Undefined while the gate is open; else a promise that resolves when it opens. */
  passed: () => Promise<void> | undefined;
}

export function createGate(): Gate {
  let closed: { promise: Promise<void>; open: () => void } | undefined;
  return {
    set(open) {
      if (open) {
        closed?.open();
        closed = undefined;
      } else if (!closed) {
        let resolve: () => void = () => {};
        const promise = new Promise<void>((done) => (resolve = done));
        closed = { promise, open: resolve };
      }
    },
    passed: () => closed?.promise,
  };
}

/** Holds back what waits at the gate while `work` is under way. */
export async function closedDuring<T>(gate: Gate, work: () => Promise<T>): Promise<T> {
  gate.set(false);
  try {
    return await work();
  } finally {
    gate.set(true);
  }
}

// Signals that end together, in browsers of before `AbortSignal.any` too (Chrome 116, Safari 17.4).

/** Aborts as soon as one of `signals` does, with its reason. */
export function anySignal(signals: readonly AbortSignal[]): AbortSignal {
  if ('any' in AbortSignal) return AbortSignal.any([...signals]);
  const joined = new AbortController();
  for (const signal of signals) {
    if (signal.aborted) joined.abort(signal.reason);
    else signal.addEventListener('abort', () => joined.abort(signal.reason), { once: true, signal: joined.signal });
  }
  return joined.signal;
}

/** Aborts once all of `signals` have, with the reason of the last; undefined if there is none for one of them, as then it never does. */
export function everySignal(signals: readonly (AbortSignal | undefined)[]): AbortSignal | undefined {
  if (signals.length < 2) return signals[0];
  const given = signals.filter((signal) => signal !== undefined);
  if (given.length < signals.length) return undefined;
  const joined = new AbortController();
  for (const signal of given) {
    const note = () => void (given.every(({ aborted }) => aborted) && joined.abort(signal.reason));
    if (signal.aborted) note();
    else signal.addEventListener('abort', note, { once: true });
  }
  return joined.signal;
}

/** What `promise` gives, unless the signal is aborted before: then rejects with its reason. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  let abort!: () => void;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
  });
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort);
  try {
    return await Promise.race([aborted, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
    promise.catch(() => {}); // nobody may be left to look at it
  }
}

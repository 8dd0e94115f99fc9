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

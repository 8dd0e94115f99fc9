// OpenAI's surface, and sessions, over an engine in the same process.
import { type Backend } from '../api/backend.ts';
import { type Sessions, createSessions } from '../api/sessions.ts';
import { type Surface, createSurface } from '../api/surface.ts';
import { type Engine } from '../engine/engine.ts';

/** What `createEngine` of a page gives to answer with, of an engine in this process that has a model loaded. */
export function surfaceOf(engine: Engine): Surface & { readonly sessions: Sessions } {
  const backend = backendOf(engine);
  return { ...createSurface(backend), sessions: createSessions(backend) };
}

export const backendOf = (engine: Engine): Backend => ({
  get info() {
    return engine.loaded().info;
  },
  embed: (...what) => engine.embed(...what),
  session: (call, ...args) => engine.session(call, ...args) as Promise<never>,
  start(request, signal, listener) {
    const stopping = new AbortController();
    let ended = false;
    const end = (tell: () => void): void => {
      if (ended) return;
      ended = true;
      signal?.removeEventListener('abort', stop);
      tell();
    };
    const stop = (): void => {
      stopping.abort();
      end(() => listener.stopped());
    };
    const hear: Parameters<Engine['generate']>[1] = (tokens, text, said) => {
      if (!ended) listener.tokens(text, tokens, said);
    };
    signal?.addEventListener('abort', stop);
    engine.generate(request, hear, stopping.signal, () => !ended && listener.begun?.()).then(
      ({ reason, stats }) => end(() => (reason === 'abort' ? listener.stopped() : listener.done(reason, stats))),
      (error: Error) => end(() => listener.failed(error)),
    );
    return stop;
  },
});

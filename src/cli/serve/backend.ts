// OpenAI's surface over an engine in the same process.
import { type Backend } from '../../api/backend.ts';
import { type Engine } from '../../engine/engine.ts';

export const backendOf = (engine: Engine): Backend => ({
  get info() {
    return engine.loaded().info;
  },
  embed: (inputs, signal) => engine.embed(inputs, signal),
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
    engine.generate(request, hear, stopping.signal).then(
      ({ reason, stats }) => end(() => (reason === 'abort' ? listener.stopped() : listener.done(reason, stats))),
      (error: Error) => end(() => listener.failed(error)),
    );
    return stop;
  },
});

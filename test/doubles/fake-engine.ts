// OpenAI's surface over scripted answers, with the checks of its parameters: for tests of what stands on it. Not shipped.
import { type Backend } from '../../src/api/backend.ts';
import { createSurface } from '../../src/api/surface.ts';
import { type EmbedInput, type FinishReason, type GenerateRequest, type ModelInfo, type Said } from '../../src/protocol.ts';
import { embedStats, generateStats, modelInfo } from './fake-worker.ts';

/** What is said of a request, a turn of the event loop apart; `error` ends it. */
export interface Script {
  says?: (string | Said)[];
  reason?: Exclude<FinishReason, 'abort'>;
  error?: Error;
}

/** `asked`: the requests so far. `stopped`: how many of them were stopped. */
export interface FakeBackend extends Backend {
  readonly asked: GenerateRequest[];
  readonly embedded: EmbedInput[][];
  stopped: number;
}

export function fakeBackend(answer: (request: GenerateRequest) => Script, info: Partial<ModelInfo> = {}): FakeBackend {
  const backend: FakeBackend = {
    info: { ...modelInfo, ...info },
    asked: [],
    embedded: [],
    stopped: 0,
    embed: async (inputs) => {
      backend.embedded.push(inputs);
      return inputs.map((_, i) => ({ vector: Float32Array.of(3, 4 * (i + 1)), tokens: 5, stats: embedStats(5) }));
    },
    start(request, signal, listener) {
      backend.asked.push(request);
      const { says = ['The', ' sea'], reason = 'stop', error } = answer(request);
      let isOver = false;
      const stop = (): void => {
        if (isOver) return;
        isOver = true;
        backend.stopped++;
        listener.stopped();
      };
      signal?.addEventListener('abort', stop);
      const say = (i: number): void => {
        if (isOver) return;
        if (i < says.length) {
          const what = says[i];
          listener.tokens(typeof what === 'string' ? what : '', [{ id: i }], typeof what === 'string' ? undefined : what);
          setTimeout(() => say(i + 1));
          return;
        }
        isOver = true;
        signal?.removeEventListener('abort', stop);
        if (error) listener.failed(error);
        else listener.done(reason, generateStats);
      };
      setTimeout(() => say(0));
      return stop;
    },
  };
  return backend;
}

export const fakeSurface = (backend: FakeBackend) => ({ ...createSurface(backend), info: backend.info });

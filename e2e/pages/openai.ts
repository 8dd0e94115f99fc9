// OpenAI's client in a page whose service worker answers it, through the page that holds the engine: this one, once it is given a model.
import OpenAI from 'openai';
import { createEngine, type Engine } from '../../src/index.ts';
import { serveToServiceWorker } from '../../src/service-worker.ts';
import { type Golden } from '../../test/api/openai-checks.ts';
import { schemaChecks } from '../../test/api/openai-schemas.ts';
import { suite } from '../../test/api/openai-suite.ts';

export interface OpenAIWindow {
  ready: Promise<unknown>;
  load(model: File): Promise<void>;
  run(name: string, golden: Golden): Promise<void>;
  /** How many answers are whole. */
  runSchemas(name: string): Promise<number>;
  /** Text of so many tokens, or what went wrong. */
  ask(tokens: number): Promise<string>;
  /** Submits until there were no more, of 400 tokens, as a stream or whole, that are aborted after the third, and what else went wrong. */
  abort(stream: boolean): Promise<{ submits: number; error?: string }>;
  /** Read so far. */
  chunks: number;
}

const client = new OpenAI({ baseURL: new URL('v1', location.href).href, apiKey: 'none', dangerouslyAllowBrowser: true, maxRetries: 0 });

let engine: Engine;

const controlled = new Promise((resolve) => {
  if (navigator.serviceWorker.controller) resolve(undefined);
  navigator.serviceWorker.addEventListener('controllerchange', resolve);
});

Object.assign(window, {
  ready: navigator.serviceWorker.register('v1-worker.ts', { type: 'module' }).then(() => controlled),
  async load(model) {
    const kernels = new URLSearchParams(location.search).get('kernels') ?? undefined;
    engine = await createEngine({ model, kernels, f32: true, keep: false });
    serveToServiceWorker(engine);
  },
  async abort(stream) {
    const submits = async () => (await engine.stats()).submits;
    const before = await submits();
    const stop = new AbortController();
    const params = { model: 'any', prompt: 'Once upon a time', max_tokens: 400 };
    const left = async () => {
      if (!stream) return void (await client.completions.create(params, { signal: stop.signal }));
      for await (const chunk of await client.completions.create({ ...params, stream: true }, { signal: stop.signal })) void chunk;
    };
    let isOver = false;
    const result = left().then(() => undefined, (thrown: Error) => thrown).finally(() => (isOver = true));
    while (!isOver && (await submits()) <= before + 3) await new Promise((resolve) => setTimeout(resolve, 1));
    stop.abort();
    const thrown = await result;
    const error = !thrown || thrown instanceof OpenAI.APIUserAbortError || thrown?.name === 'AbortError' ? undefined : String(thrown);
    let made = await submits();
    for (let last = -1; made !== last; [last, made] = [made, await submits()]) await new Promise((resolve) => setTimeout(resolve, 500));
    return { submits: made - before, error };
  },
  run: (name, golden) => suite[name](client, { ...golden, headFirst: true }),
  runSchemas: (name) => schemaChecks[name](client),
  chunks: 0,
  async ask(max_tokens) {
    let text = '';
    try {
      for await (const { choices } of await client.completions.create({ model: 'any', prompt: 'Once upon a time', max_tokens, stream: true })) {
        text += choices[0].text;
        (window as unknown as OpenAIWindow).chunks++;
      }
    } catch (error) {
      const { status, code, message } = error as InstanceType<typeof OpenAI.APIError>;
      return `${status} ${code}: ${message}`;
    }
    return text;
  },
} satisfies OpenAIWindow);

document.querySelector('input')!.onchange = ({ target }) => {
  document.title = 'loading';
  void (window as unknown as OpenAIWindow).load((target as HTMLInputElement).files![0]).then(() => (document.title = 'loaded'));
};

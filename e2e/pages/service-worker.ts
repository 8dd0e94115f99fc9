// A page of a site whose service worker answers `fetch('/v1/...')` by the engine of this page: OpenAI's client needs the address alone.
import OpenAI from 'openai';
import { createEngine } from 'windrow';
import { serveToServiceWorker } from 'windrow/service-worker';

const form = document.querySelector('form')!;
const told = document.querySelector('[role=status]')!;
const kernels = new URLSearchParams(location.search).get('kernels') ?? undefined; // tests name them; else they are measured
const client = new OpenAI({ baseURL: new URL('v1', location.href).href, apiKey: 'none', dangerouslyAllowBrowser: true });
let served: Promise<void> | undefined;

async function serve(model: File): Promise<void> {
  const { serviceWorker } = navigator;
  const controlled = new Promise((resolve) => (serviceWorker.controller ? resolve(undefined) : (serviceWorker.oncontrollerchange = resolve)));
  await serviceWorker.register('v1-worker.ts', { type: 'module' });
  serveToServiceWorker(await createEngine({ model, kernels, keep: false }));
  await controlled;
}

form.onsubmit = async (event) => {
  event.preventDefault();
  const given = new FormData(form);
  told.textContent = '';
  try {
    await (served ??= serve(given.get('model') as File));
    const messages = [{ role: 'user' as const, content: given.get('question') as string }];
    const stream = await client.chat.completions.create({ model: 'any', messages, max_completion_tokens: 24, stream: true });
    for await (const { choices: [choice] } of stream) told.append(choice?.delta.content ?? '');
    document.title = 'answered';
  } catch (error) {
    told.textContent = (error as Error).message;
  }
};

// A page of a site whose service worker answers `fetch('/v1/...')` by the engine of this page: OpenAI's client needs the address alone.
import OpenAI from 'openai';
import { createEngine } from 'windrow';
import { serveToServiceWorker } from 'windrow/service-worker';

const form = document.querySelector('form')!;
const button = form.querySelector('button')!;
const told = document.querySelector('[role=status]')!;
const kernels = new URLSearchParams(location.search).get('kernels') ?? undefined; // tests name them; else they are measured
const client = new OpenAI({ baseURL: new URL('v1', location.href).href, apiKey: 'none', dangerouslyAllowBrowser: true });
let served: Promise<void> | undefined;

/** The service worker gets what this page fetches. After a reload past it, it does so only once it is told to claim the page. */
async function controlled(): Promise<void> {
  const { serviceWorker } = navigator;
  await serviceWorker.register('v1-worker.ts', { type: 'module' });
  const { active } = await serviceWorker.ready;
  if (serviceWorker.controller) return;
  const claimed = new Promise((resolve) => (serviceWorker.oncontrollerchange = resolve));
  active!.postMessage('claim');
  await claimed;
}

async function serve(model: File): Promise<void> {
  await controlled();
  serveToServiceWorker(await createEngine({ model, kernels, keep: false }));
}

form.onsubmit = async (event) => {
  event.preventDefault();
  const given = new FormData(form);
  told.textContent = '';
  button.disabled = true; // one answer after the other
  try {
    served ??= serve(given.get('model') as File).catch((error: unknown) => {
      served = undefined; // another file may do
      throw error;
    });
    await served;
    const messages = [{ role: 'user' as const, content: given.get('question') as string }];
    const stream = await client.chat.completions.create({ model: 'any', messages, max_completion_tokens: 24, stream: true });
    for await (const { choices: [choice] } of stream) told.append(choice?.delta.content ?? '');
    document.title = 'answered';
  } catch (error) {
    told.textContent = (error as Error).message;
  } finally {
    button.disabled = false;
  }
};

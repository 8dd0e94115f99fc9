// A page with Vercel's AI SDK: a file of the visitor's, a question, and the answer as it is made.
import { streamText } from 'ai';
import { createEngine, type Engine } from 'windrow';
import { createWindrow } from 'windrow/ai-sdk';

const form = document.querySelector('form')!;
const button = form.querySelector('button')!;
const told = document.querySelector('[role=status]')!;
const kernels = new URLSearchParams(location.search).get('kernels') ?? undefined; // tests name them; else they are measured
let engine: Promise<Engine> | undefined;

form.onsubmit = async (event) => {
  event.preventDefault();
  const given = new FormData(form);
  const tell = (error: unknown) => (told.textContent = (error as Error).message);
  told.textContent = '';
  button.disabled = true; // one answer after the other
  try {
    engine ??= createEngine({ model: given.get('model') as File, kernels, keep: false }).catch((error: unknown) => {
      engine = undefined; // another file may do
      throw error;
    });
    const model = createWindrow(await engine)();
    const { textStream } = streamText({ model, prompt: given.get('question') as string, maxOutputTokens: 24, onError: ({ error }) => tell(error) });
    for await (const piece of textStream) told.append(piece);
    document.title = 'answered';
  } catch (error) {
    tell(error);
  } finally {
    button.disabled = false;
  }
};

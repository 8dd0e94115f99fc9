// A page with a model on a server: its address, a question, and the answer as it comes. What is asked leaves this device.
import { createRemoteEngine, type RemoteEngine } from 'windrow/remote';

const form = document.querySelector('form')!;
const button = form.querySelector('button')!;
const told = document.querySelector('[role=status]')!;

form.onsubmit = async (event) => {
  event.preventDefault();
  const given = new FormData(form);
  const field = (name: string): string => given.get(name) as string;
  told.textContent = '';
  button.disabled = true; // one answer after the other
  let engine: RemoteEngine | undefined;
  try {
    engine = await createRemoteEngine({ url: field('address'), key: field('key') || undefined });
    const messages = [{ role: 'user' as const, content: field('question') }];
    const stream = await engine.chat.completions.create({ messages, temperature: 0, max_completion_tokens: 24, stream: true });
    for await (const { choices: [choice] } of stream) told.append(choice?.delta.content ?? '');
    document.title = 'answered';
  } catch (error) {
    told.textContent = (error as Error).message;
  } finally {
    button.disabled = false;
    await engine?.unload();
  }
};

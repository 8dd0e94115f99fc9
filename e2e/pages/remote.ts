// A page with a model on a server: its address, a question, and the answer as it comes. What is asked leaves this device.
import { createRemoteEngine } from 'windrow/remote';

const form = document.querySelector('form')!;
const told = document.querySelector('[role=status]')!;

form.onsubmit = async (event) => {
  event.preventDefault();
  const given = new FormData(form);
  const field = (name: string): string => given.get(name) as string;
  told.textContent = '';
  try {
    const engine = await createRemoteEngine({ url: field('address'), key: field('key') || undefined });
    const messages = [{ role: 'user' as const, content: field('question') }];
    const stream = await engine.chat.completions.create({ messages, temperature: 0, max_completion_tokens: 24, stream: true });
    for await (const { choices: [choice] } of stream) told.append(choice?.delta.content ?? '');
    await engine.unload();
    document.title = 'answered';
  } catch (error) {
    told.textContent = (error as Error).message;
  }
};

// Conversations whose states are held, copied and kept.
import { type Engine } from 'windrow';

export async function askManual(engine: Pick<Engine, 'sessions'>, manual: string): Promise<string[]> {
  const session = await engine.sessions.create({ messages: [{ role: 'system', content: manual }], defaults: { max_tokens: 100 } });
  const first = await session.create({ messages: [{ role: 'user', content: 'How do I start it?' }] });
  const other = await session.fork(); // goes on by itself, from here
  await session.save('manual', { most: '2GiB' });
  await session.close();
  const again = await engine.sessions.load('manual'); // in another visit too: nothing of it is run again
  const question = { messages: [{ role: 'user' as const, content: 'And how do I stop it?' }] };
  const answers = [first, await other.create(question), await again.create(question)];
  await Promise.all([other.close(), again.close()]);
  return answers.map(({ choices }) => choices[0].message.content ?? '');
}

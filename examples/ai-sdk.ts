// Vercel's AI SDK over an engine that the page has.
import { generateText, streamText } from 'ai';
import { createWindrow } from 'windrow/ai-sdk';

export async function tellTwice(engine: Parameters<typeof createWindrow>[0], prompt: string): Promise<[whole: string, streamed: string]> {
  const model = createWindrow(engine)();
  const { text } = await generateText({ model, prompt });
  let streamed = '';
  for await (const piece of streamText({ model, prompt }).textStream) streamed += piece;
  return [text, streamed];
}

// The package in a program of your own: an engine in a worker, an answer as it is made.
import { createEngine, type EngineOptions } from 'windrow';

export async function tell(options: EngineOptions, question: string, show: (text: string) => void): Promise<void> {
  const engine = await createEngine(options); // { model: '/models/SmolLM2-135M-Instruct.Q4_1.gguf', onProgress: console.log }
  try {
    const messages = [{ role: 'user' as const, content: question }];
    for await (const { choices } of await engine.chat.completions.create({ messages, stream: true, max_tokens: 100 })) show(choices[0].delta.content ?? '');
  } finally {
    await engine.unload(); // frees the GPU
  }
}

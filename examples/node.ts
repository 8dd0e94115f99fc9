// The engine in Node, on Dawn: `npm install windrow webgpu`.
import { createNodeEngine, openFileSource } from 'windrow/node';

export async function continueText(path: string, text: string, maxTokens: number): Promise<string> {
  const engine = await createNodeEngine();
  await engine.load(await openFileSource(path), { context: 512 });
  let written = '';
  await engine.generate({ prompt: { text }, maxTokens }, (_tokens, more) => (written += more));
  await engine.unload();
  return written;
}

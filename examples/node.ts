// The engine in Node, on Dawn: `npm install windrow webgpu`.
import { createNodeEngine, type Engine, openFileSource } from 'windrow/node';

type LoadOptions = Parameters<Engine['load']>[1];

export async function continueText(path: string, text: string, maxTokens: number, options: LoadOptions = {}): Promise<string> {
  const engine = await createNodeEngine();
  const file = await openFileSource(path);
  await engine.load(file, options); // { budgetBytes: 2 ** 30, context: 512 }
  let written = '';
  await engine.generate({ prompt: { text }, maxTokens }, (_tokens, more) => (written += more));
  await engine.unload();
  await file.close();
  return written;
}

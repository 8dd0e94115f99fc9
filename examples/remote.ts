// A model on a server behind the same surface: what is asked leaves this device.
import { createRemoteEngine } from 'windrow/remote';

export async function askElsewhere(url: string, question: string, key?: string): Promise<string> {
  const engine = await createRemoteEngine({ url, key }); // 'http://localhost:11434/v1'
  const { output_text: text } = await engine.responses.create({ input: question });
  await engine.unload();
  return text;
}

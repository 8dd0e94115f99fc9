// OpenAI's client and `windrow serve MODEL.gguf`: only the address is another one.
import OpenAI from 'openai';

export async function askServer(baseURL: string, question: string): Promise<string> {
  const client = new OpenAI({ baseURL, apiKey: 'none' }); // 'http://127.0.0.1:8080/v1'
  const stream = await client.chat.completions.create({ model: 'any', messages: [{ role: 'user', content: question }], stream: true });
  let text = '';
  for await (const { choices } of stream) text += choices[0]?.delta.content ?? '';
  return text;
}

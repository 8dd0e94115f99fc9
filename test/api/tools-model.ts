// stories260K with a template that knows tools, and what OpenAI's client has to see of it (openai-suite.ts). Node only.
import { logSoftmax } from '../../src/reference/sampling/logprobs.ts';
import { floatsFixture, jsonFixture } from '../models/fixture.ts';
import { type Golden } from './openai-checks.ts';
import { vary } from '../models/vary.ts';

/** In the manner of Hermes, short, as the model's context is. */
export const toolTemplate = `{% for tool in tools or [] %}{{ tool.function.name }} {% endfor %}{% for message in messages %}
{{ message.role }} {{ message.content }}{% for call in message.tool_calls or [] %}<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>{% endfor %}{% endfor %}
assistant `;

export const storiesWithTools = (): Promise<Uint8Array<ArrayBuffer>> =>
  vary('stories260K/stories260K.gguf', { metadata: { 'tokenizer.chat_template': { type: 'string', value: toolTemplate } } });

/** llama.cpp's greedy text, and the log-probabilities of its logits (test/reference.test.ts holds them to the reference's). */
export function suiteGolden(): Golden {
  const golden = jsonFixture<Omit<Golden, 'logprobs'>>('stories260K/greedy.json');
  const logits = floatsFixture('stories260K/prompt.f32').subarray(-512);
  return { ...golden, logprobs: logSoftmax(logits).slice(0, 20).map(({ logprob }) => logprob) };
}

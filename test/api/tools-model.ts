// stories260K with a template that knows tools and thoughts, and what OpenAI's client has to see of it (openai-suite.ts). Node only.
import { parseHeader } from '../../src/gguf/parse.ts';
import { logSoftmax } from '../../src/reference/sampling/logprobs.ts';
import { bytesSource } from '../../src/weights/source/source.ts';
import { fixture, floatsFixture, jsonFixture } from '../models/fixture.ts';
import { vary } from '../models/vary.ts';
import { type Golden } from './openai-checks.ts';
import { endOfThought } from './openai-reasoning.ts';

/** In the manner of Hermes, short, as the model's context is. The mark is in two, so that answers may begin with thoughts only where they are asked for. */
export const toolTemplate = `{% for tool in tools or [] %}{{ tool.function.name }} {% endfor %}{% for message in messages %}
{{ message.role }} {{ message.content }}{% for call in message.tool_calls or [] %}<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>{% endfor %}{% endfor %}
assistant {% if enable_thinking %}{{ '<thi' ~ 'nk>\n' }}{% endif %}`;

export async function storiesWithTools(): Promise<Uint8Array<ArrayBuffer>> {
  const { metadata } = await parseHeader(bytesSource(fixture('stories260K/stories260K.gguf'), 'stories260K'));
  const tokens = [...(metadata.get('tokenizer.ggml.tokens') as string[])];
  tokens[endOfThought.id] = endOfThought.text;
  return vary('stories260K/stories260K.gguf', {
    metadata: {
      'tokenizer.chat_template': { type: 'string', value: toolTemplate },
      'tokenizer.ggml.tokens': { type: 'string', value: tokens },
    },
  });
}

/** llama.cpp's greedy text, and the log-probabilities of its logits (test/reference.test.ts holds them to the reference's). */
export function suiteGolden(): Golden {
  const golden = jsonFixture<Omit<Golden, 'logprobs'>>('stories260K/greedy.json');
  const logits = floatsFixture('stories260K/prompt.f32').subarray(-512);
  return { ...golden, logprobs: logSoftmax(logits).slice(0, 20).map(({ logprob }) => logprob) };
}

// The part of openai-suite.ts about what a model thinks before it answers. The model is that of tools-model.ts: its template begins to think where it
// is told to, and one token of its vocabulary is the mark that ends that. By itself it never would say it, so it is made likelier.
import type OpenAI from 'openai';
import { type Check, equal, holds, model } from './openai-checks.ts';

/** In place of a sign that its stories do not have. */
export const endOfThought = { id: 507, text: '</think>' };

/** The answer is one of two words; before it comes what is thought, which is of any form. */
export const thinking = { logit_bias: { [endOfThought.id]: 19 }, grammar: { regex: 'yes|no' } };

const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'Is it a dog?' }];

interface Thoughtful {
  content?: string | null;
  reasoning_content?: string;
}

export const reasoningChecks: Record<string, Check> = {
  async 'tells what was thought from the answer, whole and streamed alike, in chats and in responses'(client) {
    const params = { model, messages, ...thinking, reasoning_effort: 'high' as const, max_completion_tokens: 64 };
    const { choices: [{ message, finish_reason }], usage } = await client.chat.completions.create(params);
    const { content, reasoning_content: thought } = message as Thoughtful;
    holds(thought !== undefined && thought.length > 3 && !/think>/.test(thought), `what was thought: ${thought}`);
    holds(['yes', 'no'].includes(content!), `the answer: ${content}`);
    equal(finish_reason, 'stop', 'the reason');

    const heard: Required<Thoughtful> = { content: '', reasoning_content: '' };
    const order: string[] = [];
    let pieces = 0;
    for await (const { choices: [choice] } of await client.chat.completions.create({ ...params, stream: true })) {
      const { content: more, reasoning_content: thought } = (choice?.delta ?? {}) as Thoughtful;
      heard.content += more ?? '';
      heard.reasoning_content += thought ?? '';
      if (thought) pieces++;
      order.push(...(thought ? ['thought'] : []), ...(more ? ['answer'] : []));
    }
    equal(heard, { content, reasoning_content: thought }, 'the same, streamed');
    holds(pieces > 1 && order.lastIndexOf('thought') < order.indexOf('answer'), `thoughts come first and in pieces: ${order.join()}`);

    const cut = await client.chat.completions.create({ ...params, max_completion_tokens: 2 });
    const begun = cut.choices[0].message as Thoughtful;
    holds(!begun.content && thought!.startsWith(begun.reasoning_content!), `what was thought so far: ${begun.reasoning_content}`);
    equal(cut.choices[0].finish_reason, 'length', 'the reason where it is cut');
    const next = [...messages, message, { role: 'user' as const, content: 'And that?' }];
    const { usage: counted } = await client.chat.completions.create({ model, messages: next, max_completion_tokens: 2 });
    holds(counted!.prompt_tokens > usage!.prompt_tokens, 'the message with its thoughts goes back as it is');

    const asked = { model, input: 'Is it a dog?', ...thinking, reasoning: { effort: 'high' as const }, max_output_tokens: 64 };
    const events: OpenAI.Responses.ResponseStreamEvent[] = [];
    for await (const event of await client.responses.create({ ...asked, stream: true } as OpenAI.Responses.ResponseCreateParamsStreaming)) events.push(event);
    const said = (type: string) => events.flatMap((event) => (event.type === type && 'delta' in event ? [event.delta as string] : [])).join('');
    equal([said('response.reasoning_text.delta'), said('response.output_text.delta')], [thought, content], 'the same in events');
    const last = events.at(-1)!;
    const output = last.type === 'response.completed' ? last.response.output : [];
    equal(output.map((item) => item.type), ['reasoning', 'message'], 'the items');
  },
};

import { expect, test } from 'vitest';
import { applyReasoningEffort } from './reasoning-effort.ts';
import { type ChatCompletionParams } from './chat.ts';

const params: ChatCompletionParams = { messages: [{ role: 'user', content: 'Hello' }], temperature: 1 };
const thinking = { variable: 'enable_thinking', unasked: true, promptEnd: { on: '', off: '<think></think>' } };

test('a template that reads the effort gets it as it is', () => {
  expect(applyReasoningEffort({ ...params, reasoning_effort: 'low', chat_template_kwargs: { a: 1 } }, { reasoningEffort: true, thinking })).toEqual({
    ...params,
    chat_template_kwargs: { a: 1, reasoning_effort: 'low' },
  });
});

test.each([['none', false], ['low', true], ['high', true]] as const)('a switch is told of %s that it is %s', (reasoning_effort, on) => {
  expect(applyReasoningEffort({ ...params, reasoning_effort }, { thinking })).toEqual({ ...params, chat_template_kwargs: { enable_thinking: on } });
});

test('nothing asked for is nothing changed', () => {
  expect(applyReasoningEffort(params, {})).toEqual(params);
  expect(applyReasoningEffort({ ...params, reasoning_effort: null }, {})).toEqual(params);
});

test('is refused by name where the template has no such choice, where it is said twice, and where there is no such level', () => {
  expect(() => applyReasoningEffort({ ...params, reasoning_effort: 'low' }, {})).toThrow(
    expect.objectContaining({ name: 'RequestError', code: 'unsupported_parameter', message: expect.stringContaining('reasoning_effort') }),
  );
  expect(() => applyReasoningEffort({ ...params, reasoning_effort: 'low', chat_template_kwargs: { enable_thinking: false } }, { thinking })).toThrow(
    'reasoning_effort is low and chat_template_kwargs has enable_thinking; they mean the same. Leave one out.',
  );
  expect(() => applyReasoningEffort({ ...params, reasoning_effort: 'some' as never }, { thinking })).toThrow('it must be one of none, minimal');
});

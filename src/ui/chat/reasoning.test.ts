import { expect, test } from 'vitest';
import { begunBy, partsOf } from './reasoning.ts';

test.each([
  ['Qwen 3, DeepSeek R1', '<think>\nFirst **one**.\nThen two.\n</think>\n\nThree.', 'First **one**.\nThen two.'],
  ['begun by the template', 'First.\nThen.\n</think>\n\nThree.', 'First.\nThen.'],
  ['ended in a line', 'First. Then.</think>\n\nThree.', 'First. Then.'],
  ['an empty one, as without thinking', '<think>\n\n</think>\n\nThree.', ''],
  ['Magistral', '[THINK]First.[/THINK]Three.', 'First.'],
  ['Seed-OSS', '<seed:think>First.</seed:think>Three.', 'First.'],
  ['Granite', 'Here is my thought process:\nFirst.\n\nHere is my response:\nThree.', 'First.'],
  ['Granite with an apostrophe', "Here's my thought process: First. Here's my response: Three.", 'First.'],
  ['gpt-oss', '<|channel|>analysis<|message|>First.<|end|><|start|>assistant<|channel|>final<|message|>Three.<|return|>', 'First.'],
  ['gpt-oss without its control tokens', 'analysisFirst.assistantfinalThree.', 'First.'],
  ['OpenThinker', '<|begin_of_thought|>\nFirst.\n<|end_of_thought|>\n\n<|begin_of_solution|>Three.<|end_of_solution|>', 'First.'],
  ['Apriel', 'Here are my reasoning steps:\nFirst.\n[BEGIN FINAL RESPONSE]\nThree.\n[END FINAL RESPONSE]', 'First.'],
  ['Command R7B', '<|START_THINKING|>First.<|END_THINKING|><|START_RESPONSE|>Three.<|END_RESPONSE|>', 'First.'],
  ['Granite 3.3', '<think>First.</think>\n<response>Three.</response>\n', 'First.'],
])('the reasoning of %s is told from the answer', (_family, text, reasoning) =>
  expect(partsOf(text)).toEqual({ reasoning, content: 'Three.' }));

test.each([
  'An answer without any.',
  'The tag `</think>` ends the reasoning.',
  'A <think> in the midst is none.',
  'analysis of variance is a method',
  'Here are my reasoning steps:\n1. Add.',
  'Here is my thought process: I add.',
  '```xml\n<think>a</think> b\n```',
])('%s is all answer', (text) => expect(partsOf(text)).toEqual({ content: text }));

test('while it is written, reasoning has no end yet, and half a mark is not shown', () => {
  expect(partsOf('<think>\nFirst', true)).toEqual({ reasoning: 'First', content: '' });
  expect(partsOf('<thi', true)).toEqual({ content: '' });
  expect(partsOf('Here is my', true)).toEqual({ content: '' });
  expect(partsOf('Here is a poem', true)).toEqual({ content: 'Here is a poem' });
  expect(partsOf('<thi')).toEqual({ content: '<thi' });
});

test('a prompt tells whether its template has begun the reasoning', () => {
  expect(begunBy('<｜Assistant｜><think>\n')).toBe('<think>\n');
  expect(begunBy('<|im_start|>assistant\n')).toBe('');
  expect(begunBy('<|im_start|>assistant\n<think>\n\n</think>\n\n')).toBe('');
});

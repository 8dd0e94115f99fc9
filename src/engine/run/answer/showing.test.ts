import { expect, it } from 'vitest';
import { type Tokenizer } from '../../../text/tokenizer/tokenizer.ts';
import { showingThoughts } from './showing.ts';

/** `controls`: tokens that have no text, unless they are asked for. */
function tokenizerOf(controls: readonly string[], texts: readonly string[]): Tokenizer {
  const all = [...controls, ...texts];
  return {
    find: (spelling: string) => (all.includes(spelling) ? all.indexOf(spelling) : undefined),
    isControl: (id: number) => id >= 0 && id < controls.length,
    piece: (id: number, { special = false } = {}) => new TextEncoder().encode(special || id >= controls.length ? all[id] : ''),
  } as unknown as Tokenizer;
}
const textOf = (tokenizer: Tokenizer, count: number) =>
  Array.from({ length: count }, (_, id) => new TextDecoder().decode(tokenizer.piece(id) as Uint8Array)).join('');

it('an answer as it is has the marks of what is thought, also where they are control tokens', () => {
  const commandR = tokenizerOf(['<|START_THINKING|>', '<|END_THINKING|>', '<|END_OF_TURN_TOKEN|>'], ['Hm.', 'Warm.']);
  expect(textOf(commandR, 5)).toBe('Hm.Warm.');
  expect(textOf(showingThoughts(commandR, '{% if thinking %}<|START_THINKING|>{{ t }}<|END_THINKING|>'), 5)).toBe('<|START_THINKING|><|END_THINKING|>Hm.Warm.');
  expect(showingThoughts(commandR, '{{ messages }}'), 'a template that knows none').toBe(commandR);
});

it('a vocabulary that has the marks as texts, or not at all, is as it was', () => {
  for (const tokenizer of [tokenizerOf([], ['<think>', '</think>']), tokenizerOf(['<|im_end|>'], ['Warm.'])])
    expect(showingThoughts(tokenizer, '<think></think>')).toBe(tokenizer);
});

// The text that benchmarks run, the same for every model up to its tokenizer.
import { RequestError } from '../errors.ts';
import { type Loaded } from '../engine/engine.ts';

const story =
  'Once upon a time there was a small village by the sea. The people who lived there went out in their boats every day to catch fish, and in the ' +
  'evening they came back and told stories to the children. One of these stories was about a girl who wanted to know what lay beyond the hills. ' +
  'She packed some bread and water, and one day in the spring she left home and walked along the river until she came to a bridge.';

/** The first tokens of a story, repeated to the length asked for; without a tokenizer, ids of the vocabulary. */
export function benchPrompt(length: number, { text, model }: Pick<Loaded, 'text' | 'model'>): number[] {
  const { vocab } = model.graph.config;
  const ids = text ? text.tokenizer.encode(story) : Array.from({ length: 97 }, (_, i) => (i * 7919) % vocab);
  if (!ids.length) throw new RequestError('The tokenizer gives no tokens for the benchmark text.');
  return Array.from({ length }, (_, i) => ids[i % ids.length]);
}

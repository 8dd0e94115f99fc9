// From the vectors of a text's tokens to one: as the model's file says, their mean, that of the last one, or a classifier's scores of it.
import { RequestError, UnsupportedModelError } from '../../../errors.ts';
import { type Graph } from '../../../model/graph.ts';
import { type EmbedInput, type Pooling } from '../../../protocol.ts';
import { type Text } from '../../load/opened.ts';
import { type AnswerOptions } from './answers.ts';

/** `weight`: (outputs, dim); `bias`: (outputs). */
export interface Classifier {
  weight: Float32Array;
  bias?: Float32Array;
}

/** @throws UnsupportedModelError for a model that gives no embeddings, or by a way that windrow lacks. */
export function poolingOf({ pooling, config: { architecture } }: Pick<Graph, 'pooling' | 'config'>): Pooling {
  if (pooling && pooling !== 'cls') return pooling;
  throw new UnsupportedModelError(
    pooling
      ? 'The model takes the vector of the first token (CLS), which in a model whose tokens see only those before them knows nothing of the rest.'
      : `The model is not made for embeddings: its file does not set ${architecture}.pooling_type. Choose one that is.`,
  );
}

export interface Pool extends Required<Pick<AnswerOptions, 'onChunk' | 'onNormed'>> {
  vector(): Float32Array<ArrayBuffer>;
}

/** For a text of `length` tokens. It may be begun again. */
export function createPool(pooling: Pooling, dim: number, length: number, classifier?: Classifier): Pool {
  let sum = new Float64Array(dim);
  const isMean = pooling === 'mean';
  const add = (rows: Float32Array): void => rows.forEach((value, i) => (sum[i % dim] += value));
  return {
    async onChunk(on, position, rows) {
      if (position === 0) sum = new Float64Array(dim);
      if (!isMean && position + rows < length) return;
      add(await on.readNormed(position, rows, isMean ? 0 : rows - 1));
    },
    onNormed(rows) {
      sum = new Float64Array(dim);
      add(isMean ? rows : rows.subarray(-dim));
    },
    vector: () => (classifier ? scores(sum, classifier) : Float32Array.from(sum, (value) => (pooling === 'mean' ? value / length : value))),
  };
}

/** The probabilities of several labels, or one score as it is. */
function scores(vector: Float64Array, { weight, bias }: Classifier): Float32Array<ArrayBuffer> {
  const outputs = weight.length / vector.length;
  const logits = Array.from({ length: outputs }, (_, row) => vector.reduce((sum, value, i) => sum + value * weight[row * vector.length + i], bias?.[row] ?? 0));
  if (outputs === 1) return Float32Array.from(logits);
  const masses = logits.map((logit) => Math.exp(logit - Math.max(...logits)));
  return Float32Array.from(masses, (mass) => mass / masses.reduce((a, b) => a + b, 0));
}

/** The ids of what is to be embedded: with all that the tokenizer adds to a text, its end too. */
export function encodeInput(input: EmbedInput, text: Text | undefined, rankTemplate: string | undefined): number[] {
  if ('tokens' in input) return input.tokens;
  if (!text) throw new RequestError('The file has no tokenizer; give the texts as tokens.');
  const { tokenizer } = text;
  if ('text' in input) return tokenizer.encode(input.text, { addSpecial: true });
  if (rankTemplate === undefined) {
    // As llama.cpp has it for models without a template: one text behind the other, each with its end.
    const second = tokenizer.encode(input.document, { addSpecial: true });
    return [...tokenizer.encode(input.query, { addSpecial: true }), ...(second[0] === tokenizer.bos ? second.slice(1) : second)];
  }
  return encodeTemplate(rankTemplate, { query: input.query, document: input.document }, text);
}

/** Control tokens are those of the template alone. */
function encodeTemplate(template: string, values: Record<string, string>, { tokenizer }: Text): number[] {
  const own: [from: number, to: number][] = [];
  let whole = '';
  for (const part of template.split(/(\{(?:query|document)\})/)) {
    const value = /^\{(query|document)\}$/.exec(part)?.[1];
    if (value === undefined) own.push([whole.length, whole.length + part.length]);
    whole += value === undefined ? part : values[value];
  }
  return tokenizer.encode(whole, { addSpecial: true, parseSpecial: (from, to) => own.some(([begin, end]) => from >= begin && to <= end) });
}

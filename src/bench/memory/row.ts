// What a model remembers under a policy of keys and values, against itself with all of them: how far its expectations are apart, how many words of
// records it finds again, which bytes it has for that, and how fast it is.
import { type Loaded } from '../../engine/engine.ts';
import { argmax, createComparison } from '../../distribution.ts';
import { divergence } from '../fidelity.ts';
import { keptShare } from './kept.ts';
import { type Probes } from './probes.ts';

export interface Row {
  /** Of keys and values after the texts, as a share of those of all tokens in 16 bits. */
  bytes: number;
  /** Nats for a token, from the full memory. */
  kl: number;
  /** Share of tokens that the full memory thinks likeliest, too. */
  sameToken: number;
  /** Share of words of records that are told right. */
  recall: number;
  tokensPerSecond: number;
}

/** What a model expects along the texts, (document) of (token) logits, and the rest of a row. */
export interface Run extends Pick<Row, 'bytes' | 'recall' | 'tokensPerSecond'> {
  logits: Float32Array[][];
}

/** Words of a record that are asked. */
const asked = 7;

const mean = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0) / numbers.length;

/** Of a model that has room for two conversations of that length. `now`: milliseconds. */
export async function runProbes({ model, runner }: Loaded, { given, documents, records }: Probes, now: () => number): Promise<Run> {
  const logits: Float32Array[][] = [];
  const bytes: number[] = [];
  let [tokens, ms] = [0, 0];
  for (const { prompt, more } of documents) {
    await runner.feed(prompt, 0);
    bytes.push(keptShare(model));
    const rows: Float32Array[] = [];
    for (const [i, id] of more.slice(0, -1).entries()) {
      const begun = now();
      await runner.feed([id], prompt.length + i, undefined, true);
      rows.push(await runner.readLogits());
      ms += now() - begun;
      tokens++;
    }
    logits.push(rows);
  }
  const right: number[] = [];
  for (const { prompt, records: all } of records) {
    await runner.feed(prompt, 0);
    for (const record of all) right.push(...(await ask({ model, runner } as Loaded, prompt.length, record, given)));
  }
  return { logits, bytes: mean(bytes), recall: mean(right), tokensPerSecond: (1000 * tokens) / ms };
}

/** Of each word behind those that are given 1 if it is told right, in a conversation that is a copy of the one that has read the text. */
async function ask({ model, runner }: Loaded, position: number, record: readonly number[], given: number): Promise<number[]> {
  const copy = await model.sequence.fork();
  try {
    const of = runner.of(copy);
    const right: number[] = [];
    for (const [i, id] of record.slice(0, Math.min(record.length, given + asked) - 1).entries()) {
      await of.feed([id], position + i, undefined, true);
      if (i + 1 >= given) right.push(Number(argmax(await of.readLogits()) === record[i + 1]));
    }
    return right;
  } finally {
    copy.close();
  }
}

/** The row of a run, against the same probes with all keys and values. */
export function rowOf({ logits, bytes, recall, tokensPerSecond }: Run, full: Pick<Run, 'logits'>): Row {
  const comparison = createComparison();
  full.logits.forEach((rows, document) => rows.forEach((wanted, i) => {
    const found = logits[document][i];
    comparison.add(divergence(wanted, found), wanted, found);
  }));
  const { meanKl, sameToken } = comparison.result();
  return { bytes, kl: meanKl, sameToken: sameToken ?? 0, recall, tokensPerSecond };
}

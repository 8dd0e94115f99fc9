// Checks of the stages of sampling that requests may ask for: what they make of logits, and what they tell of tokens.
import { createSamplerScratch, recordCount, recordWords } from '../../model/sampling/buffers.ts';
import { readRecord } from '../../model/sampling/logprobs.ts';
import { type Sampler, compiled, createSamplers } from '../../model/sampling/sampler.ts';
import { type SamplerOptions } from '../../model/sampling/stage.ts';
import { addBias } from '../../reference/sampling/bias.ts';
import { logSoftmax } from '../../reference/sampling/logprobs.ts';
import { type Breaker, dry } from '../../reference/sampling/dry.ts';
import { masked } from '../../reference/sampling/mask.ts';
import { penalise } from '../../reference/sampling/penalties.ts';
import { type DryOptions } from '../../protocol.ts';
import { type Case, type Check, type Outcome, WrongResult } from './check.ts';
import { decodeChoice } from './choice.ts';
import { type Random, normals, random } from './random.ts';
import { type Stage, withStage } from './workbench.ts';

/** Tokens before the one to choose. */
const length = 300;
const position = length - 1;

interface Given {
  vocab: number;
  next: Random;
  logits: Float32Array<ArrayBuffer>;
  ids: number[];
}

/** Runs a sampler once after `ids`; with `row`, logits lie there. */
async function choose(stage: Stage, bench: Parameters<Case['run']>[0], { vocab, logits, ids }: Given, options: Partial<SamplerOptions>): Promise<Sampler> {
  const { device } = bench.gpu;
  const { activations, sequence, ledger } = stage;
  const samplerFor = createSamplers(device, ledger, bench.kernels, vocab, createSamplerScratch(ledger, vocab, activations.buffers.logits));
  const sampler = await compiled(samplerFor, { seed: 1, ...options });
  device.queue.writeBuffer(activations.buffers.logits.buffer, 4 * vocab * (options.row ?? 0), logits);
  device.queue.writeBuffer(sequence.ids.buffer, 0, Uint32Array.from(ids));
  sampler.start(sequence);
  await stage.run(sampler.program);
  return sampler;
}

function caseOf(name: string, vocab: number, act: (stage: Stage, bench: Parameters<Case['run']>[0], given: Given) => Promise<Outcome>): Case {
  return {
    name: `${name}, ${vocab} tokens`,
    run: (bench) =>
      withStage(bench, { config: { vocab }, choice: decodeChoice({}), tokens: 1, position }, (stage) => {
        const next = random(`${name} ${vocab}`);
        const logits = normals(next, vocab, 4).map((logit) => (next() < 0.1 ? -Infinity : logit));
        logits[0] = 1; // one at least is a number
        return act(stage, bench, { vocab, next, logits, ids: Array.from({ length }, () => Math.floor(next() * Math.min(vocab, 50))) });
      }),
  };
}

/** The logits that a stage leaves; no number is told as a large one, since -Infinity has no distance from itself. `relative`: as penalties may be large. */
const changed = (
  name: string,
  vocab: number,
  options: (given: Given) => Partial<SamplerOptions>,
  expected: (given: Given, options: Partial<SamplerOptions>) => Float32Array,
  relative = false,
): Case =>
  caseOf(name, vocab, async (stage, bench, given) => {
    const chosen = options(given);
    await choose(stage, bench, given, chosen);
    const all = new Float32Array(await stage.readBytes(stage.activations.buffers.logits.buffer, 4 * vocab * (1 + (chosen.row ?? 0))));
    const numbers = (logits: Float32Array) => logits.map((logit) => (logit === -Infinity ? -1e30 : logit));
    const right = numbers(expected(given, chosen));
    return { found: numbers(all.subarray(-vocab)), expected: right, ...(relative && { scale: right.map((logit) => Math.max(1, Math.abs(logit))) }) };
  });

const lastOf = (ids: number[], count: number): number[] => (count < 0 ? ids : ids.slice(Math.max(0, ids.length - count)));

const penalised = (vocab: number, penaltyLast: number, more: Partial<SamplerOptions>): Case =>
  changed(
    `penalties of the last ${penaltyLast}${more.row ? ', third row' : ''}`,
    vocab,
    () => ({ penaltyLast, ...more }),
    ({ logits, ids }, { repeatPenalty = 1, frequencyPenalty = 0, presencePenalty = 0 }) =>
      penalise(logits, lastOf(ids, penaltyLast), { repeatPenalty, frequencyPenalty, presencePenalty }),
  );

const phrase = [3, 9, 4, 1, 5, 2, 6, 8, 7, 0];
const breakers: Breaker[] = [{ tail: [], heads: [11, 12] }, { tail: [6, 8], heads: [40, 2] }, { tail: [6], heads: [2] }];

/** Of a text of phrases that are there again, whole and in parts, with texts between them that end repetitions. */
const undried = (vocab: number, name: string, options: DryOptions, broken: readonly Breaker[] = []): Case =>
  changed(
    `DRY, ${name}`,
    vocab,
    (given) => {
      const part = (): number[] => (given.next() < 0.2 ? given.ids.slice(0, 5) : phrase.slice(Math.floor(given.next() * 5)));
      const text = Array.from({ length: length / 2 }, part).flat().concat(phrase.slice(0, 9)).slice(-length);
      given.ids = text.map((id) => id % vocab);
      return { dry: options, dryBreakers: broken.map(({ tail, heads }) => ({ tail, heads: heads.filter((id) => id < vocab) })) };
    },
    ({ logits, ids }, { dryBreakers }) => dry(logits, ids, options, dryBreakers as Breaker[]),
    true,
  );

const biasOf = ({ vocab, next }: Given): Record<number, number> =>
  Object.fromEntries(Array.from({ length: Math.min(vocab, 400) }, () => [Math.floor(next() * vocab), 200 * next() - 100]));

function maskOf({ vocab, next }: Given): Uint32Array<ArrayBuffer> {
  const mask = Uint32Array.from({ length: Math.ceil(vocab / 32) }, () => Math.floor(next() * 2 ** 32));
  mask[0] |= 1;
  return mask;
}

const isSet = (mask: Uint32Array) => (token: number): boolean => ((mask[token >> 5] >>> (token & 31)) & 1) === 1;

/** Found and expected: the chosen token and its logarithm, then those of the listed tokens. Of the logits as they were, whatever stages made of them. */
const recorded = (vocab: number, top: number, more: Partial<SamplerOptions>): Case =>
  caseOf(`${top} listed${Object.keys(more).length ? ', with other stages' : ''}`, vocab, async (stage, bench, given) => {
    const sampler = await choose(stage, bench, given, { logprobs: top, ...more });
    const words = new Uint32Array(await stage.readBytes(sampler.recordsOf!(stage.sequence).buffer.buffer, 4 * recordCount * recordWords));
    const [id] = new Uint32Array(await stage.readBytes(stage.sequence.ids.buffer, 4 * (length + 1))).subarray(length);
    const all = logSoftmax(given.logits);
    const chosen = all.find((each) => each.id === id);
    const token = readRecord(id, words, length, top, vocab);
    if (!chosen || token.top!.length !== Math.min(top, all.length))
      throw new WrongResult(`Token ${id} was chosen and ${token.top!.length} are listed; ${Math.min(top, all.length)} should be.`);
    const flat = (tokens: { id: number; logprob: number }[]) => tokens.flatMap((each) => [each.id, each.logprob]);
    return { found: [token.logprob!, ...flat(token.top!)], expected: [chosen.logprob, ...flat(all.slice(0, top))] };
  });

export function stageChecks(vocabs = [1, 33, 255, 2049, 5003]): Check[] {
  const check = (name: string, cases: Case[], tolerance: number): Check => ({ name, tolerance, choice: {}, cases });
  const penalties = { repeatPenalty: 1.3, frequencyPenalty: 0.4, presencePenalty: -0.7 };
  return [
    check(
      'sampling: penalties',
      vocabs.flatMap((vocab) => [
        penalised(vocab, 64, penalties),
        penalised(vocab, -1, penalties),
        penalised(vocab, 1, { repeatPenalty: 0.5 }),
        penalised(vocab, 100, { ...penalties, row: 2 }),
      ]),
      1e-5,
    ),
    check(
      'sampling: DRY',
      vocabs.filter((vocab) => vocab > 1).flatMap((vocab) => [ // with one token all repeats, and what is taken off has no bounds
        undried(vocab, 'plain', { multiplier: 0.8, base: 1.2 }),
        undried(vocab, 'of the last 40', { multiplier: 1.5, base: 1, allowedLength: 1, last: 40 }),
        undried(vocab, 'nothing allowed', { multiplier: 0.5, base: 1.1, allowedLength: 0 }),
        undried(vocab, 'ended by texts', { multiplier: 0.8, base: 1.3, allowedLength: 1 }, breakers),
        undried(vocab, 'ended by tokens', { multiplier: 0.8, base: 1.3, allowedLength: 1 }, [{ tail: [], heads: [5] }]),
      ]),
      1e-5,
    ),
    check(
      'sampling: bias',
      vocabs.map((vocab) =>
        changed(
          'bias',
          vocab,
          (given) => ({ logitBias: biasOf(given) }),
          ({ logits }, { logitBias }) => addBias(logits, logitBias!),
        ),
      ),
      1e-5,
    ),
    check(
      'sampling: mask',
      vocabs.map((vocab) =>
        changed(
          'mask',
          vocab,
          (given) => ({ mask: maskOf(given) }),
          ({ logits }, { mask }) => masked(logits, isSet(mask as Uint32Array)),
        ),
      ),
      0,
    ),
    check(
      'sampling: bias, penalties and mask in this order',
      vocabs.map((vocab) =>
        changed(
          'all',
          vocab,
          (given) => ({ ...penalties, logitBias: biasOf(given), mask: maskOf(given) }),
          ({ logits, ids }, { logitBias, mask }) => masked(penalise(addBias(logits, logitBias!), lastOf(ids, 64), penalties), isSet(mask as Uint32Array)),
        ),
      ),
      1e-4,
    ),
    check(
      'sampling: log-probabilities',
      vocabs.flatMap((vocab) => [recorded(vocab, 0, {}), recorded(vocab, 20, {}), recorded(vocab, 5, { ...penalties, temperature: 1 })]),
      1e-5,
    ),
  ];
}

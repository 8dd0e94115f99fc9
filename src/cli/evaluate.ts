// windrow eval: perplexity of a text, divergence from another quantisation, adapter or way to keep keys and values, questions with choices.
import { multipleChoice, perplexity, type Question } from '../api/evaluate.ts';
import { createSurface } from '../api/surface.ts';
import { compare } from '../bench/compare.ts';
import { RequestError } from '../errors.ts';
import { type ChunkFlags, readChunks } from './chunks.ts';
import { type AdapterOptions } from '../protocol.ts';
import { type ModelFlags, openEngine, readJson } from './options.ts';
import { type Result } from './result.ts';
import { backendOf } from '../node/backend.ts';

interface Flags extends ModelFlags, ChunkFlags {
  against?: string;
  againstKv?: string;
  againstLora?: AdapterOptions[];
  againstPlain?: boolean;
  againstF32?: boolean;
  questions?: string;
}

export async function evaluate(path: string, flags: Flags): Promise<Result> {
  const { against, againstKv, againstF32, againstLora, againstPlain, questions: listed, file, tokenIds } = flags;
  if (againstLora && againstPlain) throw new RequestError('--against-lora and --against-plain name two others. Give one of both.');
  if (againstPlain && !flags.lora) throw new RequestError('--against-plain compares with the model without adapters, and it has none. Give one by --lora.');
  const compares = [against, againstKv, againstF32, againstLora, againstPlain].some((given) => given !== undefined);
  const hasText = file !== undefined || tokenIds !== undefined;
  if (!hasText && (compares || listed === undefined)) throw new RequestError('Give --file or --token-ids, or --questions.');
  const texts = hasText ? await readChunks(flags) : undefined;
  const questions = listed === undefined ? undefined : readQuestions(await readJson(listed, '--questions'));
  const tell = (what: string) => (done: number, of: number) => process.stderr.write(`\r${what} ${done} of ${of}${done === of ? '\n' : ''}`);
  const context = flags.context ?? (questions ? undefined : texts && texts.longest + 1); // an answer has room for a token
  const base = await openEngine(path, { ...flags, context }, { allLogits: compares });
  const other = compares
    ? await openEngine(against ?? path, { ...flags, context, ...changesOf(flags) }, { allLogits: true })
    : undefined;
  try {
    const chunks = texts?.cut(base.loaded().text?.tokenizer);
    const of = createSurface(backendOf(base));
    const scored = chunks && (await perplexity(of, chunks, { onProgress: tell('chunk') }));
    const theirs = chunks && other && (await perplexity(createSurface(backendOf(other)), chunks, { onProgress: tell('chunk of the other') }));
    const apart = chunks && other && (await compare(base.loaded(), other.loaded(), chunks, (done) => tell('compared')(done, chunks.length)));
    const chosen = questions && (await multipleChoice(of, questions, { onProgress: tell('question') }));
    const json = { perplexity: scored, against: apart && { perplexity: theirs, ...apart }, questions: chosen };
    return { json, text: wordsOf(json) };
  } finally {
    await base.unload();
    await other?.unload();
  }
}

/** What is other in the other. */
const changesOf = ({ againstKv, againstF32, againstLora, againstPlain, ...flags }: Flags): Pick<ModelFlags, 'kv' | 'f32' | 'lora'> =>
  ({ kv: againstKv ?? flags.kv, f32: againstF32 ?? flags.f32, lora: againstPlain ? undefined : (againstLora ?? flags.lora) });

type Json = {
  perplexity?: Awaited<ReturnType<typeof perplexity>>;
  against?: { perplexity?: Awaited<ReturnType<typeof perplexity>> } & Awaited<ReturnType<typeof compare>>;
  questions?: Awaited<ReturnType<typeof multipleChoice>>;
};

function wordsOf({ perplexity: scored, against, questions }: Json): string {
  const percent = (share: number | undefined) => (share === undefined ? 'not known' : `${(100 * share).toFixed(1)} %`);
  return [
    ...(scored ? [`perplexity ${scored.perplexity.toFixed(4)} over ${scored.scored} tokens`] : []),
    ...(against
      ? [
          `the other  ${against.perplexity!.perplexity.toFixed(4)}`,
          `divergence ${against.meanKl.toExponential(3)} nats on average, ${against.mostKl.toExponential(3)} at most, over ${against.positions} positions`,
          `same token ${percent(against.sameToken)}`,
        ]
      : []),
    ...(questions ? [`questions  ${questions.questions.length}: ${percent(questions.accuracy)} right, by bytes ${percent(questions.accuracyPerByte)}`] : []),
  ].join('\n');
}

function readQuestions(value: unknown): Question[] {
  if (!Array.isArray(value) || !value.length) throw new RequestError('--questions has to hold a JSON array of { prompt, choices, answer }.');
  return value as Question[];
}

// windrow generate: text from a prompt.
import { readFile } from 'node:fs/promises';
import { toDry } from '../api/completions/dry.ts';
import { RequestError } from '../errors.ts';
import { samplingFields } from '../model/sampling/sampler.ts';
import { type DryOptions, type GenerateRequest, type GenerateStats, type ResponseGrammar, type Token, type TokenLogprob } from '../protocol.ts';
import { type Result } from './result.ts';
import { type ModelFlags, openEngine } from './options.ts';

interface Flags extends ModelFlags {
  prompt?: string;
  chat?: string;
  system?: string;
  chatTemplateKwargs?: Record<string, unknown>;
  tokens?: number[];
  maxTokens?: number;
  temperature?: number;
  topK?: number;
  topP?: number;
  minP?: number;
  typicalP?: number;
  xtcProbability?: number;
  xtcThreshold?: number;
  seed?: number;
  repeatPenalty?: number;
  frequencyPenalty?: number;
  presencePenalty?: number;
  penaltyLast?: number;
  dryMultiplier?: number;
  dryBase?: number;
  dryAllowedLength?: number;
  dryLast?: number;
  dryBreakers?: string[];
  logitBias?: Record<number, number>;
  logprobs?: number;
  stop?: string[];
  schema?: string;
  grammar?: string;
  json?: boolean;
}

export async function generate(path: string, flags: Flags): Promise<Result> {
  const prompt = promptOf(flags);
  const { stop, maxTokens } = flags;
  const { temperature, topK, topP, minP, typicalP, xtcProbability, xtcThreshold, seed } = flags;
  const { repeatPenalty, frequencyPenalty, presencePenalty, penaltyLast, logitBias, logprobs } = flags;
  const drawing = { temperature, topK, topP, minP, typicalP, xtcProbability, xtcThreshold, seed };
  const sampling = { ...drawing, repeatPenalty, frequencyPenalty, presencePenalty, penaltyLast, dry: dryOf(flags), logitBias, logprobs };
  samplingFields(sampling); // before the model is loaded
  const grammar = await grammarOf(flags);
  const engine = await openEngine(path, flags);
  const tokens: Token[] = [];
  let text = '';
  const { reason, stats } = await engine.generate({ prompt, sampling, stop, maxTokens, grammar }, (more, shown) => {
    tokens.push(...more);
    text += shown;
    if (!flags.json) process.stdout.write(shown);
  });
  const prefill = ((stats.promptTokens - stats.cachedTokens) / stats.prefillMs) * 1000;
  const decode = stats.newTokens > 1 ? ((stats.newTokens - 1) / stats.decodeMs) * 1000 : 0;
  return {
    json: {
      text,
      tokens: tokens.map(({ id }) => id),
      ...(logprobs !== undefined && { logprobs: tokens.map(withText) }),
      reason,
      stats: { ...stats, prefillTokensPerSecond: prefill, decodeTokensPerSecond: decode },
    },
    text:
      `\n[${stats.promptTokens} prompt tokens at ${prefill.toFixed(1)}/s, ${stats.newTokens} new at ${decode.toFixed(1)}/s, ` +
      `${(stats.gpuBytesPeak / 2 ** 20).toFixed(0)} MiB on the GPU${streaming(stats)}${guessing(stats)}, ended by ${reason}]`,
  };
}

const dryOf = ({ dryMultiplier, dryBase, dryAllowedLength, dryLast, dryBreakers }: Flags): DryOptions | undefined =>
  toDry({
    dry_multiplier: dryMultiplier, dry_base: dryBase, dry_allowed_length: dryAllowedLength, dry_penalty_last_n: dryLast, dry_sequence_breakers: dryBreakers,
  });

/** With the bytes as text, of which half a character is U+FFFD. */
function withText({ id, logprob, bytes, top }: Token): object {
  const named = (token: Pick<TokenLogprob, 'id' | 'bytes'> & { logprob?: number }) => ({
    id: token.id,
    text: token.bytes && new TextDecoder('utf-8', { ignoreBOM: true }).decode(token.bytes),
    logprob: token.logprob,
  });
  return { ...named({ id, logprob, bytes }), top: top?.map(named) };
}

function streaming({ transfer, newTokens }: GenerateStats): string {
  if (!transfer || newTokens < 2) return '';
  const { uploadedBytes, stallMs, itemsUsed, itemsThere } = transfer.decode;
  const there = itemsUsed > 0 ? `, ${((100 * itemsThere) / itemsUsed).toFixed(1)} % of the ${transfer.items} there` : '';
  return `, ${(uploadedBytes / (newTokens - 1) / 2 ** 20).toFixed(1)} MiB uploaded and ${(stallMs / (newTokens - 1)).toFixed(1)} ms waited for ` +
    `weights per token${there}`;
}

const guessing = ({ guessedTokens, rightTokens, newTokens }: GenerateStats): string =>
  guessedTokens ? `, ${rightTokens} of ${guessedTokens} guesses right, ${(newTokens / (newTokens - rightTokens!)).toFixed(2)} tokens per step` : '';

/** What the files say that the answer has to be. */
async function grammarOf({ schema, grammar }: Flags): Promise<ResponseGrammar | undefined> {
  if (schema !== undefined && grammar !== undefined) throw new RequestError('Give --schema or --grammar, not both.');
  if (grammar !== undefined) return { ebnf: await readFile(grammar, 'utf8') };
  if (schema === undefined) return undefined;
  const text = await readFile(schema, 'utf8');
  try {
    return { schema: JSON.parse(text) as unknown };
  } catch (error) {
    throw new RequestError(`The schema in ${schema} is no JSON: ${(error as Error).message}.`);
  }
}

function promptOf({ prompt, chat, system, tokens, chatTemplateKwargs }: Flags): GenerateRequest['prompt'] {
  if ([prompt, chat, tokens].filter((given) => given !== undefined).length !== 1) throw new RequestError('Give one of --prompt, --chat and --tokens.');
  if (system !== undefined && chat === undefined) throw new RequestError('--system goes with --chat. Give the message by --chat, or leave --system out.');
  if (chatTemplateKwargs !== undefined && chat === undefined)
    throw new RequestError('--chat-template-kwargs goes with --chat, as prompts and tokens have no template. Leave it out.');
  if (tokens) return { tokens };
  if (prompt !== undefined) return { text: prompt };
  return {
    messages: [...(system !== undefined ? [{ role: 'system' as const, content: system }] : []), { role: 'user', content: chat! }],
    variables: chatTemplateKwargs,
  };
}

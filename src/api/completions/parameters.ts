// Checks what a caller passes and turns it into what the worker takes. An option that would change the answer and is not
// implemented is refused, never ignored.
import { RequestError, shown } from '../../errors.ts';
import { kvName } from '../../kv/policies/names.ts';
import {
  type AdapterOptions, type ChatMessage, type GenerateRequest, type KvType, type LoadOptions, type ModelSource, type Targets,
} from '../../protocol.ts';
import { parseBytes } from '../../bytes.ts';
import { readAddress, toAddress } from '../address.ts';
import { type ChatCompletionParams, type ChatMessageParam, type SamplingParams, type TargetParams } from './chat.ts';
import { type CompletionParams } from './completions.ts';
import { toOverflow, toRawOverflow } from './overflow.ts';
import { asksNothing, isNeutral } from '../refuse.ts';
import { number, toPriority } from './number.ts';
import { dryNames, toDry } from './dry.ts';
import { toGrammar } from './response-format.ts';
import { toCallFields, toTools } from './tools.ts';

/** As many tokens as the sampler lists beside a chosen one (src/model/sampling/buffers.ts). */
const mostLogprobs = 20;
/** As of OpenAI's. */
const mostChoices = 128;
/** Of all prompts together: each is a request that waits in memory. */
const mostRequests = 2048;

const roles = ['system', 'developer', 'user', 'assistant', 'tool'];
/** The least above 0 that the sampler computes with (src/model/sampling/temperature.ts). */
const leastTemperature = 1e-3;
const sampling = [
  'stream',
  'stream_options',
  'temperature',
  'top_p',
  'top_k',
  'min_p',
  'typical_p',
  'xtc_probability',
  'xtc_threshold',
  'seed',
  'repeat_penalty',
  'frequency_penalty',
  'presence_penalty',
  'penalty_last_n',
  ...dryNames,
  'logit_bias',
  'logprobs',
  'stop',
  'max_tokens',
  'n',
  'signal',
  'model',
  'user',
  'grammar',
  'priority',
  'targets',
];
const ofChat = new Set([
  ...sampling, 'messages', 'max_completion_tokens', 'top_logprobs', 'chat_template_kwargs',
  'response_format', 'tools', 'tool_choice', 'parallel_tool_calls', 'reasoning_format', 'context_overflow',
]);
const ofCompletion = new Set([...sampling, 'prompt', 'echo', 'context_overflow']);
/** OpenAI's parameters that windrow lacks, with the values that ask for nothing. */
const neutralInChat: Record<string, unknown[]> = {
  modalities: [['text']],
  store: [false],
  metadata: [{}],
  functions: [[]],
  function_call: ['none', 'auto'], // without tools, auto is none
};
const neutralInCompletion: Record<string, unknown[]> = { best_of: [1], suffix: [''] };
/** The same of messages; answers of OpenAI's are given back to it with all of their fields. */
const neutralInMessages: Record<string, unknown[]> = { annotations: [[]] };

export function toChatRequests(params: ChatCompletionParams): GenerateRequest[] {
  refuseOthers(params, ofChat, neutralInChat);
  const { max_tokens: older, max_completion_tokens: newer } = params;
  if (typeof older === 'number' && typeof newer === 'number' && older !== newer) {
    throw new RequestError(`max_tokens is ${older} and max_completion_tokens is ${newer}; they mean the same. Leave one out.`);
  }
  const prompt = { messages: toMessages(params.messages), variables: toTemplateVariables(params.chat_template_kwargs) };
  const how = { ...toSampling(params, toTopLogprobs(params)), maxTokens: toMaxTokens('max_completion_tokens', newer) ?? toMaxTokens('max_tokens', older) };
  const overflow = toOverflow(params.context_overflow, how.maxTokens);
  const tools = toTools(params);
  const more = { ...(overflow && { overflow }), ...(tools && { tools }), ...(isApart(params) && { reasoningApart: true }) };
  return toChoices([prompt], params.n, { ...how, ...more });
}

export function toCompletionRequests(params: CompletionParams): GenerateRequest[] {
  refuseOthers(params, ofCompletion, neutralInCompletion);
  const logprobs = number('logprobs', params.logprobs, { from: 0, to: mostLogprobs, integer: true });
  const { echo } = params;
  if (echo !== undefined && echo !== null && typeof echo !== 'boolean') throw new RequestError(`echo is ${shown(echo)}; it must be true or false.`);
  const maxTokens = echo && params.max_tokens === 0 ? 0 : toMaxTokens('max_tokens', params.max_tokens);
  const overflow = toRawOverflow(params.context_overflow, maxTokens, echo);
  return toChoices(toPrompts(params.prompt), params.n, { ...toSampling(params, logprobs), maxTokens, ...(echo && { echo }), ...(overflow && { overflow }) });
}

/** A request for each choice, `n` of each prompt. */
function toChoices(prompts: readonly GenerateRequest['prompt'][], n: number | null | undefined, how: Omit<GenerateRequest, 'prompt'>): GenerateRequest[] {
  const count = number('n', n, { from: 1, to: mostChoices, integer: true }) ?? 1;
  const all = prompts.length * count;
  if (all > mostRequests)
    throw new RequestError(`${prompts.length} prompts and n of ${count} ask for ${all} texts at once; the most is ${mostRequests}. Ask for fewer.`);
  return prompts.flatMap((prompt) => Array.from({ length: count }, (_, choice) => ({ ...how, prompt, ...(choice && { choice }) })));
}

function refuseOthers(params: object, implemented: Set<string>, nothing: Record<string, unknown[]>): void {
  for (const [name, value] of Object.entries(params)) {
    if (!implemented.has(name) && !isNeutral(name, value, nothing))
      throw new RequestError(`The parameter ${name} (${shown(value)}) is not supported. Leave it out.`, { code: 'unsupported_parameter' });
  }
}

function toSampling(params: SamplingParams, logprobs: number | undefined): Pick<GenerateRequest, 'sampling' | 'stop' | 'grammar' | 'priority' | 'targets'> {
  if (params.stream !== undefined && params.stream !== null && typeof params.stream !== 'boolean') {
    throw new RequestError(`stream is ${shown(params.stream)}; it must be true or false.`);
  }
  for (const [name, value] of Object.entries(params.stream_options ?? {})) {
    if (name !== 'include_usage' && !asksNothing(value, [false]))
      throw new RequestError(`stream_options.${name} (${shown(value)}) is not supported. Leave it out.`, { code: 'unsupported_parameter' });
  }
  return {
    sampling: {
      temperature: toTemperature(params.temperature),
      topP: number('top_p', params.top_p, { above: 0, to: 1 }),
      topK: number('top_k', params.top_k, { from: 0, to: 2 ** 31 - 1, integer: true }),
      minP: number('min_p', params.min_p, { from: 0, to: 1 }),
      typicalP: number('typical_p', params.typical_p, { from: 0, to: 1 }),
      xtcProbability: number('xtc_probability', params.xtc_probability, { from: 0, to: 1 }),
      xtcThreshold: number('xtc_threshold', params.xtc_threshold, { from: 0, to: 0.5 }),
      seed: number('seed', params.seed, { from: 0, to: 2 ** 32 - 1, integer: true }),
      repeatPenalty: number('repeat_penalty', params.repeat_penalty, { from: 0.1, to: 10 }),
      frequencyPenalty: number('frequency_penalty', params.frequency_penalty, { from: -2, to: 2 }),
      presencePenalty: number('presence_penalty', params.presence_penalty, { from: -2, to: 2 }),
      penaltyLast: number('penalty_last_n', params.penalty_last_n, { from: -1, to: 2 ** 31 - 1, integer: true }),
      dry: toDry(params),
      logitBias: toLogitBias(params.logit_bias),
      logprobs,
    },
    stop: toStop(params.stop),
    grammar: toGrammar(params),
    priority: toPriority(params.priority),
    targets: toTargets(params.targets),
  };
}

function toTargets(targets: SamplingParams['targets']): Targets | undefined {
  if (targets === undefined || targets === null) return undefined;
  if (typeof targets !== 'object') throw new RequestError(`targets is ${shown(targets)}; it must be an object of first_token_ms and token_ms.`);
  const other = Object.keys(targets).find((name) => name !== 'first_token_ms' && name !== 'token_ms');
  if (other !== undefined) throw new RequestError(`targets has ${shown(other)}; it may have first_token_ms and token_ms.`, { code: 'unsupported_parameter' });
  const ms = (name: keyof TargetParams) => number(`targets.${name}`, targets[name], { above: 0, to: 1e9 });
  const [firstTokenMs, tokenMs] = [ms('first_token_ms'), ms('token_ms')];
  if (firstTokenMs === undefined && tokenMs === undefined) return undefined;
  return { ...(firstTokenMs !== undefined && { firstTokenMs }), ...(tokenMs !== undefined && { tokenMs }) };
}

/** How many tokens a chat wants listed beside each one; undefined if it wants no log-probabilities. */
function toTopLogprobs({ logprobs, top_logprobs: top }: ChatCompletionParams): number | undefined {
  if (logprobs !== undefined && logprobs !== null && typeof logprobs !== 'boolean')
    throw new RequestError(`logprobs is ${shown(logprobs)}; it must be true or false. How many are listed is said by top_logprobs.`);
  const count = number('top_logprobs', top, { from: 0, to: mostLogprobs, integer: true });
  if (count && !logprobs) throw new RequestError(`top_logprobs is ${count} without logprobs. Give logprobs: true, or leave it out.`);
  return logprobs ? (count ?? 0) : undefined;
}

/** Undefined if there is none: a request without is the same as one with an empty list. */
function toLogitBias(biases: SamplingParams['logit_bias']): Record<number, number> | undefined {
  if (biases === undefined || biases === null) return undefined;
  if (typeof biases !== 'object' || Array.isArray(biases))
    throw new RequestError(`logit_bias is ${shown(biases)}; it must be an object of numbers by token id, as in { "262": -100 }.`);
  const entries = Object.entries(biases);
  for (const [token, bias] of entries) {
    if (!/^\d{1,9}$/.test(token)) throw new RequestError(`logit_bias names the token ${shown(token)}; it must be a token's id, a whole number.`);
    if (number(`logit_bias of token ${token}`, bias, { from: -100, to: 100 }) === undefined)
      throw new RequestError(`logit_bias of token ${token} is ${shown(bias)}; it must be a number from -100 to 100.`);
  }
  return entries.length ? Object.fromEntries(entries) : undefined;
}

/** Plain data: it goes to the worker, and a template knows nothing else. */
export function toTemplateVariables(variables: ChatCompletionParams['chat_template_kwargs']): Record<string, unknown> | undefined {
  if (variables === undefined || variables === null) return undefined;
  const wrong = (): never => {
    throw new RequestError(`chat_template_kwargs is ${shown(variables)}; it must be an object of JSON, as in { enable_thinking: false }.`);
  };
  if (typeof variables !== 'object' || Array.isArray(variables)) return wrong();
  try {
    return JSON.parse(JSON.stringify(variables)) as Record<string, unknown>;
  } catch {
    return wrong();
  }
}

const toMaxTokens = (name: string, value: number | null | undefined): number | undefined => number(name, value, { from: 1, to: 2 ** 31 - 1, integer: true });

function toPrompts(prompt: CompletionParams['prompt']): GenerateRequest['prompt'][] {
  const each: unknown[] = Array.isArray(prompt) && prompt.length > 0 && prompt.some((part) => typeof part !== 'number') ? prompt : [prompt];
  return each.map((one) => {
    if (typeof one === 'string') return { text: one };
    if (Array.isArray(one) && one.length > 0 && one.every((id) => Number.isInteger(id) && id >= 0)) return { tokens: one as number[] };
    throw new RequestError(`prompt is ${shown(prompt)}; it must be a text, the token ids of one, or a list of these.`);
  });
}

/** What concerns the way of a model into the browser's storage. */
export interface ImportSettings {
  /** SHA-256 of the file, or of each part of a split model, in hexadecimal: checked while it is imported. A stored model with another one is another file. */
  sha256?: string | string[];
  /** Bytes of the file, or of all parts together. A stored model of another size is another file. */
  fileBytes?: number;
  /** Requests at once. Default 4. */
  connections?: number;
  /** Keep the weights encrypted, under a key for AES-GCM or a passphrase; needed again to load them. See docs/encryption.md. */
  encryption?: { key: CryptoKey } | { passphrase: string };
  /** Address of the model hub. Default https://huggingface.co. */
  hub?: string;
}

/** What a load is asked for, beside the model and how its progress is told. */
export interface LoadSettings extends ImportSettings {
  /** Most GPU bytes, as a number or as `2GiB`. Default: a share of what the adapter allows. */
  budget?: number | string;
  /** Most bytes of weights kept in memory, of those that do not stay on the GPU, as `budget`. Default 256 MiB. */
  ram?: number | string;
  /** Most positions of a conversation. Default: the model's own, at most 4096. */
  context?: number;
  /**
   * Conversations that there is room for at their full length at the same time, 1 to 64. Default 1: several share the room of one, and the
   * latest waits or gives way where it is short.
   */
  sequences?: number;
  /**
   * Guesses the next tokens of an answer and checks several in a step, where that is faster; answers are the same. `true`: from what was said before.
   * Or how: `lookup` (from what was said, default true), `shortContext` (by the same weights from so many tokens of a longer text),
   * `draft` (by another, smaller model of the same vocabulary, named as a model is); with bounds: most guesses of a step (1 to 7), most GPU bytes that
   * their rows may take. Default: nothing is guessed.
   */
  speculation?: boolean | {
    lookup?: boolean;
    shortContext?: number;
    draft?: string | File | File[] | ArrayBuffer | ModelSource;
    most?: number;
    budgetBytes?: number | string;
  };
  /** Most requests that are under way or wait; what comes then is refused with `queue_full`. Default 4096. */
  queue?: number;
  /** Keys, values and all arithmetic in f32: the most exact path. */
  f32?: boolean;
  /**
   * Keys and values in 4, 2 or 1 bytes: `f32`, `f16` or `q8`. Default `f16`, with `f32` that. Or a policy that keeps them in fewer bits or forgets what
   * is old: `kivi4`, `kivi3`, `kivi2`, `q4`, `q2`, `streaming`, `h2o`, `snapkv`, `duo-kivi` and others (docs/kv.md).
   */
  kv?: KvType;
  /** Settings of the policy, by name. */
  kvOptions?: Record<string, number>;
  /** Of each layer how far back each key/value head looks, for the policies that tell heads apart. Default: as measured by the first load (docs/kv.md). */
  kvHeads?: number[][];
  /**
   * LoRA adapters, GGUFs as llama.cpp's convert_lora_to_gguf.py writes them, added to the model while it runs: where each comes from, and what multiplies
   * it (default 1). They are read at each load and are not stored.
   */
  adapters?: { source: string | File | ArrayBuffer | AdapterOptions['source']; scale?: number }[];
  /** Most GPU bytes of keys and values, of all conversations together, as `budget`. Default: as the context needs them. */
  kvBudget?: number | string;
  /** Measure and test again which kernels suit this adapter, though it is known from before: after an update of the driver, say. */
  retune?: boolean;
  /** Choice of kernels to use, as in `splits=1,prefill=rows` (docs/performance.md), in place of those chosen; nothing is measured or tested then. */
  kernels?: string;
  /** Keep the weights in the browser's storage. Default true. */
  keep?: boolean;
}

export function toLoadOptions(options: LoadSettings): LoadOptions {
  return {
    ...toImportSettings(options),
    budgetBytes: options.budget === undefined ? undefined : parseBytes(options.budget, 'budget'),
    ramBytes: options.ram === undefined ? undefined : parseBytes(options.ram, 'ram'),
    context: number('context', options.context, { from: 1, to: 2 ** 31 - 1, integer: true }),
    sequences: number('sequences', options.sequences, { from: 1, to: 64, integer: true }),
    speculation: toSpeculation(options.speculation),
    queue: number('queue', options.queue, { from: 1, to: 2 ** 31 - 1, integer: true }),
    f32: options.f32,
    kv: options.kv === undefined ? undefined : kvName(options.kv),
    kvOptions: toKvOptions(options.kvOptions),
    kvHeads: toKvHeads(options.kvHeads),
    adapters: toAdapters(options.adapters),
    kvBudgetBytes: options.kvBudget === undefined ? undefined : parseBytes(options.kvBudget, 'kvBudget'),
    retune: options.retune,
    kernels: options.kernels,
    keep: options.keep,
  };
}

function toKvOptions(given: LoadSettings['kvOptions']): LoadOptions['kvOptions'] {
  if (given === undefined) return undefined;
  if (typeof given !== 'object' || given === null) throw new RequestError(`kvOptions is ${shown(given)}; it must be an object of numbers.`);
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, number(`kvOptions.${name}`, value, { from: 0, to: 2 ** 31 - 1 })!]));
}

function toKvHeads(given: LoadSettings['kvHeads']): LoadOptions['kvHeads'] {
  if (given === undefined) return undefined;
  if (!Array.isArray(given) || !given.every((row) => Array.isArray(row) && row.every((score) => Number.isFinite(score))))
    throw new RequestError(`kvHeads is ${shown(given)}; it must be a list of lists of numbers: of each layer the scores of its key/value heads.`);
  return given;
}

function toAdapters(given: LoadSettings['adapters']): LoadOptions['adapters'] {
  if (given === undefined) return undefined;
  if (!Array.isArray(given)) throw new RequestError(`adapters is ${shown(given)}; it must be a list of { source, scale }.`);
  return given.map((each, i) => {
    const source = toModelSource(each?.source, `adapters[${i}].source`);
    if ('files' in source || 'stored' in source)
      throw new RequestError(`adapters[${i}].source is ${shown(each.source)}; it must be one file: adapters are not stored, and are in one part.`);
    return { source, scale: number(`adapters[${i}].scale`, each.scale, { from: -1e6, to: 1e6 }) };
  });
}

function toSpeculation(asked: LoadSettings['speculation']): LoadOptions['speculation'] {
  if (!asked) return undefined;
  if (asked === true) return {};
  if (typeof asked !== 'object') throw new RequestError(`speculation is ${shown(asked)}; it must be true, false or an object.`);
  return {
    lookup: asked.lookup,
    draft: asked.draft === undefined ? undefined : toModelSource(asked.draft, 'speculation.draft'),
    shortContext: number('speculation.shortContext', asked.shortContext, { from: 128, to: 2 ** 31 - 1, integer: true }),
    most: number('speculation.most', asked.most, { from: 1, to: 7, integer: true }),
    budgetBytes: asked.budgetBytes === undefined ? undefined : parseBytes(asked.budgetBytes, 'speculation.budgetBytes'),
  };
}

function toImportSettings({ sha256, fileBytes, connections, encryption, hub }: ImportSettings): ImportSettings {
  for (const hash of [sha256 ?? []].flat()) {
    if (!/^[0-9a-f]{64}$/i.test(hash)) throw new RequestError(`sha256 is ${shown(hash)}; it must be 64 hexadecimal digits.`);
  }
  return {
    sha256, encryption,
    fileBytes: number('fileBytes', fileBytes, { from: 1, to: Number.MAX_SAFE_INTEGER, integer: true }),
    connections: number('connections', connections, { from: 1, to: 16, integer: true }),
    hub: hub === undefined ? undefined : absolute(hub).replace(/\/$/, ''),
  };
}

/** A relative URL is resolved here, against the page: the worker's own base is its script. */
export function toModelSource(model: string | File | File[] | ArrayBuffer | ModelSource, name = 'model'): ModelSource {
  if (typeof model === 'string') return addressOf(model);
  if (Array.isArray(model)) return { files: model };
  if (model instanceof ArrayBuffer) return { bytes: model };
  if (model instanceof File) return { file: model };
  if (typeof model === 'object' && model !== null) {
    if ('url' in model) return { url: absolute(model.url) };
    if (['repo', 'file', 'files', 'bytes', 'stored'].some((kind) => kind in model)) return model;
  }
  throw new RequestError(
    `${name} is ${shown(model)}; it must be a URL, owner/repo on a model hub, a File, an ArrayBuffer, or one of { url }, { repo }, { file }, { files ` +
    '}, { bytes }, { stored }.',
  );
}

const base = (): string | undefined => globalThis.document?.baseURI ?? globalThis.location?.href;

function addressOf(text: string): ModelSource {
  try {
    return readAddress(text, base());
  } catch {
    throw new RequestError(`The model's address ${shown(text)} is no http or https address, and no owner/repo. Give one as in https://example.org/model.gguf.`);
  }
}

/** What is called an address is no name on a hub. */
function absolute(url: string): string {
  try {
    return toAddress(url, base());
  } catch {
    throw new RequestError(`The model's address ${shown(url)} is no http or https address. Give one as in https://example.org/model.gguf.`);
  }
}

export function toMessages(messages: ChatMessageParam[]): ChatMessage[] {
  if (!Array.isArray(messages) || messages.length === 0) {
    throw new RequestError(`messages is ${shown(messages)}; it must be an array of at least one { role, content }.`);
  }
  return messages.map((message, i) => {
    if (!roles.includes(message?.role)) {
      throw new RequestError(`messages[${i}].role is ${shown(message?.role)}; it must be one of ${roles.join(', ')}.`);
    }
    const { role, content, tool_calls, tool_call_id, name, reasoning_content, prefix, ...others } = message;
    for (const [name, value] of Object.entries(others)) {
      if (!isNeutral(name, value, neutralInMessages))
        throw new RequestError(`messages[${i}].${name} (${shown(value)}) is not supported. Leave it out.`, { code: 'unsupported_parameter' });
    }
    const where = `messages[${i}]`;
    if (prefix && (prefix !== true || role !== 'assistant' || i === 0 || i < messages.length - 1 || tool_calls))
      throw new RequestError(`${where}.prefix is ${shown(prefix)}; it may be true of the last message, if that is a text of the assistant behind others.`);
    const fields = toCallFields(role, { tool_calls, tool_call_id, name, reasoning_content }, where);
    const isSilent = fields.tool_calls && (content === null || content === undefined); // it called functions and said nothing
    return { role: role === 'developer' ? 'system' : role, content: isSilent ? '' : toText(content, `${where}.content`), ...fields, ...(prefix && { prefix }) };
  });
}

function toTemperature(temperature: number | null | undefined): number | undefined {
  const value = number('temperature', temperature, { from: 0, to: 2 });
  if (value !== undefined && value > 0 && value < leastTemperature) {
    throw new RequestError(`temperature is ${value}; the least above 0 is ${leastTemperature}. Use 0 for the most likely token.`);
  }
  return value;
}

/** llama.cpp's names. */
function isApart({ reasoning_format: format }: ChatCompletionParams): boolean {
  if (format !== undefined && format !== null && !['none', 'auto', 'deepseek'].includes(format))
    throw new RequestError(`reasoning_format is ${shown(format)}; it must be none, auto or deepseek.`);
  return format === 'auto' || format === 'deepseek';
}

function toText(content: ChatMessageParam['content'], name: string): string {
  if (typeof content === 'string') return content;
  if (Array.isArray(content) && content.every((part) => part?.type === 'text' && typeof part.text === 'string')) {
    return content.map((part) => part.text).join('');
  }
  throw new RequestError(`${name} is ${shown(content)}; it must be text, or an array of { type: "text", text }.`);
}

function toStop(stop: SamplingParams['stop']): string[] | undefined {
  if (stop === undefined || stop === null) return undefined;
  const texts = Array.isArray(stop) ? stop : [stop];
  const wrong = texts.find((text) => typeof text !== 'string' || text === '');
  if (wrong !== undefined) throw new RequestError(`stop has ${shown(wrong)}; each must be a text that is not empty.`);
  return texts;
}

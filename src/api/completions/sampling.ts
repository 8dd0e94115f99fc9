// How tokens are chosen and when an answer ends: what chats and raw completions may both ask for.
import { RequestError, shown } from '../../errors.ts';
import { type GenerateRequest, type Targets } from '../../protocol.ts';
import { asksNothing } from '../refuse.ts';
import { type SamplingParams, type TargetParams } from './chat.ts';
import { dryNames, toDry } from './dry.ts';
import { number, toPriority } from './number.ts';
import { toGrammar } from './response-format.ts';

/** As many tokens as the sampler lists beside a chosen one (src/model/sampling/buffers.ts). */
export const mostLogprobs = 20;
/** The least above 0 that the sampler computes with (src/model/sampling/temperature.ts). */
const leastTemperature = 1e-3;
/** The parameters that chats and raw completions have in common. */
export const samplingNames = [
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

/** `logprobs`: how many tokens are listed beside a chosen one; undefined: no log-probabilities. */
export function toSampling(
  params: SamplingParams, logprobs: number | undefined,
): Pick<GenerateRequest, 'sampling' | 'stop' | 'grammar' | 'priority' | 'targets'> {
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

function toTemperature(temperature: number | null | undefined): number | undefined {
  const value = number('temperature', temperature, { from: 0, to: 2 });
  if (value !== undefined && value > 0 && value < leastTemperature) {
    throw new RequestError(`temperature is ${value}; the least above 0 is ${leastTemperature}. Use 0 for the most likely token.`);
  }
  return value;
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

function toStop(stop: SamplingParams['stop']): string[] | undefined {
  if (stop === undefined || stop === null) return undefined;
  const texts = Array.isArray(stop) ? stop : [stop];
  const wrong = texts.find((text) => typeof text !== 'string' || text === '');
  if (wrong !== undefined) throw new RequestError(`stop has ${shown(wrong)}; each must be a text that is not empty.`);
  return texts;
}

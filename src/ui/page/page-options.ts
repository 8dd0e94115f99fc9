// What the page's address asks for: ?model=URL&autoload&max-tokens=N&temperature=T&repeat-penalty=R&seed=N&f32&kv=q8&context=N
// &kv-budget=256MiB&budget=2GiB&kernels=splits=1,prefill=rows; ?shared=TEXT is what another app shared, where the address may stand in a text.
// Checked by the API.
import { type ChatSettings } from '../chat/chat.ts';

export interface PageOptions {
  model?: string;
  /** Load at once, even if that is a download; of a model that the page does not list, the visitor is asked. */
  autoload: boolean;
  maxTokens?: number;
  temperature?: number;
  repeatPenalty?: number;
  seed?: number;
  context?: number;
  budget?: string;
  f32: boolean;
  kv?: string;
  kvBudget?: string;
  /** Choice of kernels, in place of those that tests and measurements would choose. */
  kernels?: string;
}

export function pageOptions(search: string): PageOptions {
  const query = new URLSearchParams(search);
  const number = (name: string): number | undefined => (query.has(name) ? Number(query.get(name) || NaN) : undefined);
  return {
    model: query.get('model') || /https?:\/\/\S+/.exec(query.get('shared') ?? '')?.[0],
    autoload: query.has('autoload'),
    maxTokens: number('max-tokens'),
    temperature: number('temperature'),
    repeatPenalty: number('repeat-penalty'),
    seed: number('seed'),
    context: number('context'),
    budget: query.get('budget') ?? undefined,
    f32: query.has('f32'),
    kv: query.get('kv') ?? undefined,
    kvBudget: query.get('kv-budget') ?? undefined,
    kernels: query.get('kernels') ?? undefined,
  };
}

/** What the address asks for new chats. */
export function settingsOf({ maxTokens, temperature, repeatPenalty, seed }: PageOptions): Partial<ChatSettings> {
  return Object.fromEntries(Object.entries({ maxTokens, temperature, repeatPenalty, seed }).filter(([, value]) => value !== undefined));
}

/** What the address sets besides the model, in words, for the visitor who is asked whether to trust it. */
export function settingsOfLink({ budget, context, kv, kvBudget, f32, kernels }: PageOptions): string[] {
  const named = { 'GPU memory': budget, context, 'keys and values': kv, 'room for conversations': kvBudget, kernels };
  const values = Object.entries(named).filter(([, value]) => value !== undefined).map(([name, value]) => `${name} ${value}`);
  return f32 ? [...values, 'all arithmetic in f32'] : values;
}

/** The options without what a link set for a load. */
export const withoutLink = (options: PageOptions): PageOptions =>
  ({ ...options, autoload: false, budget: undefined, context: undefined, kv: undefined, kvBudget: undefined, kernels: undefined, f32: false });

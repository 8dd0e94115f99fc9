// What the provider asks of an engine, and what it is called.
import { type Engine } from '../api/engine.ts';

export type ProviderEngine = Pick<Engine, 'info' | 'chat' | 'embeddings'>;

/** Also the key of windrow's own parameters in `providerOptions`. */
export const providerName = 'windrow';

// What the provider asks of an engine, and what it is called.
import { type Engine } from '../api/engine.ts';
import { type ModelInfo } from '../protocol.ts';

/** An engine of a page, or one whose model is on a server (`windrow/remote`). */
export interface ProviderEngine extends Pick<Engine, 'chat' | 'embeddings'> {
  readonly info: Pick<ModelInfo, 'name' | 'reasoningEffort' | 'thinking'>;
}

/** Also the key of windrow's own parameters in `providerOptions`. */
export const providerName = 'windrow';

// What `import 'windrow/ai-sdk'` gives: a provider for the AI SDK over an engine that the caller has.
import { type EmbeddingModelV4, type LanguageModelV4, type ProviderV4 } from '@ai-sdk/provider';
import { RequestError } from '../errors.ts';
import { embeddingModel } from './embedding-model.ts';
import { type ProviderEngine, providerName } from './engine.ts';
import { languageModel } from './language-model.ts';

export { type ProviderEngine } from './engine.ts';

/** Calling it is the same as `languageModel`. Models are those of the one engine, whatever they are called. */
export interface WindrowProvider extends ProviderV4 {
  (modelId?: string): LanguageModelV4;
  languageModel(modelId?: string): LanguageModelV4;
  /** Asks of an engine whose model is made for embeddings. */
  embeddingModel(modelId?: string): EmbeddingModelV4;
  /** @throws RequestError: no model of windrow makes images. */
  imageModel(modelId: string): never;
}

/** A provider of the interface `v4` (`ai` 7). The engine stays the caller's, who unloads it. */
export function createWindrow(engine: ProviderEngine): WindrowProvider {
  const language = (): LanguageModelV4 => languageModel(engine);
  return Object.assign(language, {
    specificationVersion: 'v4' as const,
    languageModel: language,
    embeddingModel: () => embeddingModel(engine),
    imageModel(modelId: string): never {
      throw new RequestError(`The provider ${providerName} has no image model ${modelId}: it runs language and embedding models.`);
    },
  });
}

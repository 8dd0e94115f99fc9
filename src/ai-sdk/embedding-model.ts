// The AI SDK's embedding model over `embeddings.create`.
import { type EmbeddingModelV4 } from '@ai-sdk/provider';
import { toMetadata } from './answer.ts';
import { type ProviderEngine, providerName } from './engine.ts';

/** Texts of one call of `embeddings.create`. */
const mostTexts = 2048;

export const embeddingModel = (engine: ProviderEngine): EmbeddingModelV4 => ({
  specificationVersion: 'v4',
  provider: providerName,
  modelId: engine.info.name,
  maxEmbeddingsPerCall: mostTexts,
  supportsParallelCalls: true,
  /** Vectors of length 1, in the order of the texts. Rejects with the signal's reason. @throws as `embeddings.create` */
  async doEmbed({ values, dimensions, abortSignal, providerOptions }) {
    const { data, usage, stats } = await engine.embeddings.create({ dimensions, ...providerOptions?.[providerName], input: values }, { signal: abortSignal });
    return { embeddings: data.map(({ embedding }) => embedding), usage: { tokens: usage.prompt_tokens }, providerMetadata: toMetadata(stats), warnings: [] };
  },
});

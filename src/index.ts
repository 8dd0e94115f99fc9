// What `import 'windrow'` gives.
export { createEngine, type Engine, type EngineOptions } from './api/engine.ts';
export { openLibrary, type ImportJob, type ImportOptions, type ModelLibrary, type PlanOptions } from './api/library.ts';
export { type ChatCompletions } from './api/completions/chat-completions.ts';
export { type Completion, type CompletionChoice, type CompletionChunk, type CompletionParams, type Completions } from './api/completions/completions.ts';
export { type Create } from './api/create.ts';
export {
  multipleChoice, perplexity, type ChoiceScore, type EvaluateOptions, type Evaluated, type MultipleChoice, type Perplexity, type PerplexityOptions,
  type Question,
} from './api/evaluate.ts';
export { type Distributions } from './api/distributions.ts';
export { divergence, type Compared, type Divergence } from './api/divergence.ts';
export { type EmbeddingList, type EmbeddingObject, type EmbeddingParams, type Embeddings } from './api/embeddings.ts';
export { type Model, type ModelList, type Models } from './api/models.ts';
export { type Rerank, type RerankParams, type RerankResult } from './api/rerank.ts';
export { type ContextOverflow } from './api/completions/overflow.ts';
export { type Responses } from './api/responses/responses.ts';
export {
  type Response, type ResponseEvent, type ResponseInputItem, type ResponseOutputItem, type ResponseParams, type ResponseTool,
} from './api/responses/types.ts';
export { type ComposeOptions, type Session, type SessionOptions, type SessionParams, type Sessions, type SessionTokens } from './api/sessions.ts';
export { type Surface } from './api/surface.ts';
export {
  type ChatChoice, type ChatCompletion, type ChatCompletionChunk, type ChatCompletionParams, type ChatFinishReason, type ChatMessageParam,
  type ChatTextPart, type ChatUsage, type SamplingParams, type TemplateOptions,
} from './api/completions/chat.ts';
export { BudgetError, DeviceError, InvalidFileError, RequestError, UnsupportedModelError, type ErrorCode } from './errors.ts';
export {
  type Composed,
  type DevicePeak,
  type EngineStats,
  type ExpertsRead,
  type GateActivation,
  type GenerateStats,
  type KeptSession,
  type KvType,
  type LoadPhase,
  type LoadProgress,
  type ModelInfo,
  type ModelPlan,
  type ModelSource,
  type Pooling,
  type Prediction,
  type Restored,
  type SelfTestResult,
  type StoreCost,
  type StoredModel,
  type TargetMet,
  type ThinkingSwitch,
  type TransferStats,
  type VerifyResult,
} from './protocol.ts';

/// <reference types="dom-chromium-ai" />
// windrow's `LanguageModel` against that of `@types/dom-chromium-ai`, by the compiler alone (`npm run check`): it may be used where theirs
// is, and what theirs takes may be given to it, but for what it refuses. No program runs this.
import {
  type AvailabilityOptions, type CreateOptions, type LanguageModelClass, type LanguageModelSession, type PromptInput, type PromptOptions,
} from '../../src/prompt-api/prompt-api.ts';

/** An error of the compiler unless a `Given` may stand where a `Wanted` is needed. */
type Fits<Wanted, Given extends Wanted> = Given;

export type Checks = [
  Fits<LanguageModel, LanguageModelSession>,
  Fits<typeof LanguageModel, LanguageModelClass>,
  Fits<CreateOptions, LanguageModelCreateOptions>,
  Fits<AvailabilityOptions, LanguageModelCreateCoreOptions>,
  Fits<PromptInput, LanguageModelPrompt>,
  Fits<PromptOptions, LanguageModelPromptOptions>,
];

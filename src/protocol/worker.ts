// What the worker exposes to the page. Types only.
import { type EmbedInput, type EmbedRequest, type Embedding } from './embed.ts';
import { type GenerateRequest } from './generate.ts';
import { type HubListing, type KnownHubResult } from './hub.ts';
import { type LoadOptions, type ModelSource } from './load.ts';
import { type ModelInfo, type StoredModel } from './model.ts';
import { type ModelPlan } from './plan.ts';
import { type SessionStates } from './sessions.ts';
import { type DevicePeak, type EngineStats, type SelfTestResult, type VerifyResult } from './state.ts';

/** What the worker exposes through Comlink. `progress` is a MessagePort that carries LoadProgress. */
export interface WorkerEngine {
  /** Repositories of a hub for some words, each with whether windrow knows its architecture, if the hub tells that. */
  searchHub(words: string, hub?: string): Promise<KnownHubResult[]>;
  listHub(repo: string, options?: { hub?: string; token?: string }): Promise<HubListing>;
  /** What loading would take; reads the header only. */
  plan(source: ModelSource, options: LoadOptions): Promise<ModelPlan>;
  load(source: ModelSource, options: LoadOptions, progress: MessagePort | null): Promise<ModelInfo>;
  /** Plans and places the loaded model within another budget, a guessed one by default; its conversations go on. Where that cannot be, it stays as it was. */
  changeBudget(budgetBytes: number | undefined, progress: MessagePort | null): Promise<ModelInfo>;
  /** Resolves when the request has ended; its events, an error too, go through `port`. */
  generate(request: GenerateRequest, port: MessagePort): Promise<void>;
  /** Vectors of texts, in their order; `control` carries GenerateControl, and what is stopped rejects. Takes its turns with requests. */
  embed(inputs: EmbedInput[], control: MessagePort, how?: EmbedRequest): Promise<Embedding[]>;
  /** One of `SessionStates`, by its name. */
  session(call: keyof SessionStates, ...args: unknown[]): Promise<unknown>;
  /** How many tokens a prompt has, by the template of the loaded model. */
  countTokens(prompt: GenerateRequest['prompt']): Promise<number>;
  stats(): Promise<EngineStats>;
  models(): Promise<StoredModel[]>;
  /** Deletes a stored model, an unfinished one too; RequestError while a tab uses it. */
  remove(id: string): Promise<void>;
  /** Puts a model into the browser's storage without loading it. */
  importModel(source: ModelSource, options: LoadOptions, progress: MessagePort | null): Promise<StoredModel>;
  /** Holds back the transfers of imports, or lets them go on. */
  pauseImports(paused: boolean): Promise<void>;
  /** Checks every byte of a stored model, and mends what is damaged from the model's address. */
  verify(id: string, options?: Pick<LoadOptions, 'encryption'>): Promise<VerifyResult>;
  /** Every kernel against plain loops, on a device of its own. Takes seconds on a GPU, minutes in software. */
  selfTest(): Promise<SelfTestResult[]>;
  /** Measured on a device of its own, in about a second on a GPU. */
  peak(): Promise<DevicePeak>;
  unload(): Promise<void>;
}

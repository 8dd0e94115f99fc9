// What stands in the place of the chat while no model is loaded: the choice, the plan, the load. Templates only.
import { html, type TemplateResult } from 'lit';
import { type Keeping } from './keeping.ts';
import { type ServerModel } from '../server/server-model.ts';
import { isLocal, listedAt, type ModelChoice } from './model-choice.ts';
import { type LoadChoices, type ModelLoader } from './model-loader.ts';

export interface ModelActions {
  options: LoadChoices;
  choose(choice: ModelChoice): void;
  load(choice: ModelChoice): void;
  /** The visitor has chosen another budget: what is planned is planned anew. */
  changeBudget(): void;
  /** As `changeBudget`, of how conversations are remembered. */
  changeMemory(): void;
}

/** What else is offered beside the catalogue. */
export interface Offers {
  /** Whether the hub may be searched. */
  search: boolean;
  /** Undefined where models on servers are not offered. */
  server?: Pick<ServerModel, 'engine' | 'kept'>;
}

export function renderModels(loader: ModelLoader, catalogue: ModelChoice[], { search, server }: Offers, actions: ModelActions): TemplateResult {
  const { choose, options, changeMemory } = actions;
  return html`<windrow-model-card
    .catalogue=${catalogue} .stored=${loader.stored} .findings=${loader.findings} .keeping=${loader.keeping}
    .server=${server} .search=${search ? loader.searchHub : undefined} .lookInto=${(repo: string) => loader.lookInto(repo, options)}
    @keeping-changed=${({ detail }: CustomEvent<Keeping>) => loader.keepAs(detail)} @memory-changed=${changeMemory}
    @choose=${({ detail }: CustomEvent<ModelChoice>) => choose(detail)}
    @remove=${({ detail }: CustomEvent<string>) => loader.remove(detail)}
    @verify=${({ detail }: CustomEvent<string>) => loader.verify(detail)}></windrow-model-card>`;
}

export function renderPlan(loader: ModelLoader, answering: boolean, { options, load, changeBudget, changeMemory }: ModelActions): TemplateResult {
  return html`<windrow-model-plan
    .choice=${loader.choice} .plan=${loader.plan} .stored=${loader.stored} .keeping=${loader.keeping} .inUse=${loader.engine?.info.id}
      ?full=${loader.full} ?answering=${answering}
    @keeping-changed=${({ detail }: CustomEvent<Keeping>) => loader.keepAs(detail)}
    @budget-changed=${changeBudget} @memory-changed=${changeMemory}
    @make-room=${({ detail }: CustomEvent<string[]>) => loader.makeRoom(detail, options)}
    @load=${() => load(loader.choice!)} @cancel=${() => loader.cancel()}></windrow-model-plan>`;
}

export function renderLoading(loader: ModelLoader): TemplateResult {
  return html`<windrow-load-progress
    .name=${loader.choice!.name} ?local=${isLocal(loader.choice!)} .progress=${loader.progress} .bytesPerSecond=${loader.bytesPerSecond}
      ?paused=${loader.paused}
    @pause=${({ detail }: CustomEvent<boolean>) => loader.pause(detail)} @cancel=${() => loader.cancel()}></windrow-load-progress>`;
}

/** As the catalogue has it: what files say of themselves is often not for people. */
export function nameOfLoaded({ engine, stored, choice }: ModelLoader, catalogue: ModelChoice[]): string {
  if (!engine) return '';
  const listed = catalogue.find((model) => model === choice) ?? listedAt(catalogue, stored.find(({ id }) => id === engine.info.id)?.urls ?? []);
  return listed?.name ?? engine.info.name;
}

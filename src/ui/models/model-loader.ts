// The worker and the model in it, as the page sees them. View state only: what runs is behind the API.
import { type ReactiveController, type ReactiveControllerHost } from 'lit';
import { connect, startWorker, type Connection } from '../../api/connection.ts';
import { loadEngine, type Engine, type ModelOptions } from '../../api/engine.ts';
import { toLoadOptions } from '../../api/load-settings.ts';
import { toModelSource } from '../../api/model-source.ts';
import { BudgetError } from '../../errors.ts';
import { type KnownHubResult, type LoadProgress, type ModelPlan, type ModelSource, type StoredModel } from '../../protocol.ts';
import { foundFull, keepingOptions, lackingBytes, plainKeeping, type Keeping } from './keeping.ts';
import { sizeAtAddress } from './catalogue.ts';
import { differsInHash, differsInSize, storedCopy, type LookedInto, type ModelChoice } from './model-choice.ts';
import { needsPassphrase, needsToken, SecretQuestion } from './secret-question.ts';
import { TransferRate } from './transfer-rate.ts';

export type LoadStep = 'looking' | 'choosing' | 'planned' | 'loading' | 'ready';
/** What to do with a model that is not stored: wait to be told, load it, or ask whether to. `none`: nor with one that is. */
export type Download = 'wait' | 'load' | 'ask' | 'none';
export type LoadChoices = Omit<ModelOptions, 'model' | 'signal' | 'onProgress' | 'keep' | 'encryption'>;

export interface LinkQuestion {
  choice: ModelChoice;
  /** Undefined while it is looked up. */
  bytes?: number;
  /** Why the size is not known. */
  problem?: string;
}

export class ModelLoader implements ReactiveController {
  step: LoadStep = 'looking';
  engine: Engine | null = null;
  choice: ModelChoice | null = null;
  /** How the loaded model was loaded, whatever is chosen for the next one. */
  choices: LoadChoices = {};
  /** Of `choice`, while the visitor decides; null while its header is read. */
  plan: ModelPlan | null = null;
  /** The browser's storage refused to take all of `choice`. */
  full = false;
  /** A model that only the page's address names, while the visitor is asked whether to load it. */
  question: LinkQuestion | null = null;
  /** Of models that are not stored yet. */
  keeping: Keeping = plainKeeping;
  stored: StoredModel[] = [];
  progress: LoadProgress | null = null;
  bytesPerSecond = 0;
  paused = false;
  /** Of another budget for the loaded model, in words: what is under way, or what came of it. */
  budgetNews = '';
  /** What was found out about a stored model, by its id. */
  findings: Record<string, string> = {};
  error: Error | null = null;
  readonly passphrase: SecretQuestion;
  readonly token: SecretQuestion;

  private connection: Connection | null = null;
  private loading: AbortController | null = null;
  /** Of the model hub; nowhere but here. */
  private accessToken: string | undefined;
  /** The budget that the visitor chose last, until the loaded model is given it. */
  private wantedBudget: { bytes: ModelOptions['budget'] } | null = null;
  private budgeting: Promise<void> | null = null;
  /** The last of several questions at once. */
  private replanning: object | null = null;

  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly worker?: () => Worker,
  ) {
    const changed = (): void => host.requestUpdate();
    this.passphrase = new SecretQuestion(changed, needsPassphrase);
    this.token = new SecretQuestion(changed, needsToken);
    host.addController(this);
  }

  hostConnected(): void {}

  hostDisconnected(): void {
    this.loading?.abort();
    void this.engine?.unload();
  }

  /** Looks for `choice` in the store and loads it from there; what is not there is a `download`. */
  async start(choice: ModelChoice, options: LoadChoices, download: Download): Promise<void> {
    await this.refreshStored();
    if (this.step !== 'looking') return; // something else was chosen or dropped meanwhile
    if (download === 'load' || (download !== 'none' && storedCopy(choice, this.stored))) return this.load(choice, options);
    this.set({ step: 'choosing' });
    if (download === 'ask') await this.ask(choice);
  }

  /** Ends the question; gives what it was about. */
  endQuestion(): ModelChoice {
    const { choice } = this.question!;
    this.set({ question: null });
    return choice;
  }

  /** A load that is under way is given up for this one. */
  async load(choice: ModelChoice, options: LoadChoices): Promise<void> {
    this.abort();
    const loading = (this.loading = new AbortController());
    const current = (): boolean => this.loading === loading;
    this.set({ step: 'loading', choice, question: null, budgetNews: '', progress: null, bytesPerSecond: 0, paused: false, full: false, error: null });
    try {
      await this.engine?.unload();
      this.engine = null;
      loading.signal.throwIfAborted(); // before the worker is asked: it may be another load's by now
      const keeping = storedCopy(choice, this.stored) ? plainKeeping : this.keeping;
      const engine = await this.passphrase.during(choice.name, keeping.passphrase || undefined, loading.signal, (passphrase = '') =>
        this.withAccess(choice, loading.signal, (source) =>
          this.loadOnce(source, choice, { ...options, ...keepingOptions({ ...keeping, passphrase }) }, loading.signal),
        ),
      );
      if (!current()) return void engine.unload();
      this.set({ step: 'ready', engine, choices: { ...options, retune: undefined }, keeping: plainKeeping });
      await this.refreshStored();
    } catch (error) {
      if (!current()) return;
      this.set({ step: 'choosing', error: loading.signal.aborted ? null : (error as Error) });
      await this.refreshStored();
      if (current() && this.error) await this.offerAnotherWay(choice, options, this.error);
    }
  }

  /** Says what loading `choice` would take, and waits to be told; loads at once what needs no download. */
  async propose(choice: ModelChoice, options: LoadChoices): Promise<void> {
    const asked = 'url' in choice.source || 'repo' in choice.source;
    if (!asked || storedCopy(choice, this.stored)) return this.load(choice, options);
    this.set({ error: null });
    await this.showPlan(choice, options);
  }

  /** Another engine than this page's is used: what was loaded, or was about to be, goes. */
  async leave(): Promise<void> {
    this.abort();
    this.loading = null;
    const { engine } = this;
    this.set({ step: 'choosing', engine: null, choice: null, plan: null, question: null, error: null });
    await engine?.unload();
  }

  cancel(): void {
    if (this.step === 'planned') this.set({ step: 'choosing', error: null });
    this.abort();
  }

  /** Repositories of the hub for some words. Rejects if it cannot be asked. */
  searchHub = (words: string): Promise<KnownHubResult[]> => this.connect().call((worker) => worker.searchHub(words));

  /** The models of a repository of the hub, and the plan of the one that is usually taken. Rejects if it cannot be read, or is not supported. */
  async lookInto(repo: string, options: LoadChoices): Promise<LookedInto> {
    const choice = { name: repo, source: { repo } };
    const listing = await this.withAccess(choice, undefined, () => this.connect().call((worker) => worker.listHub(repo, { token: this.accessToken })));
    const { source } = listing.files.find(({ usual }) => usual)!;
    return { listing, plan: await this.planOf({ ...choice, source }, options) };
  }

  async pause(paused: boolean): Promise<void> {
    this.set({ paused });
    await this.act((connection) => connection.call((worker) => worker.pauseImports(paused)));
  }

  /** Shows the choice of models, or goes back to the loaded one. */
  async choose(choosing: boolean): Promise<void> {
    if (choosing) await this.refreshStored();
    this.set({ step: choosing || !this.engine ? 'choosing' : 'ready' });
  }

  keepAs(keeping: Keeping): void {
    this.set({ keeping });
  }

  async remove(id: string): Promise<void> {
    await this.act((connection) => connection.call((worker) => worker.remove(id)));
    await this.refreshStored();
  }

  /** Deletes stored models so that `choice` has room, and plans it anew. */
  async makeRoom(ids: string[], options: LoadChoices): Promise<void> {
    this.set({ error: null });
    for (const id of ids) await this.act((connection) => connection.call((worker) => worker.remove(id)));
    await this.refreshStored();
    if (this.step === 'planned') await this.showPlan(this.choice!, options);
  }

  async verify(id: string): Promise<void> {
    const say = (words: string): void => this.set({ findings: { ...this.findings, [id]: words } });
    const name = this.stored.find((model) => model.id === id)?.name ?? '';
    say('Checking every byte…');
    await this.act(async (connection) => {
      const { damaged, whole } = await this.passphrase.during(name, undefined, undefined, (passphrase) =>
        connection.call((worker) => worker.verify(id, passphrase === undefined ? {} : { encryption: { passphrase } })),
      );
      say(
        damaged.length === 0 ? 'Whole: every byte is as it was stored.' : whole ? 'Was damaged, and has been mended.' : 'Damaged. Delete it and load it anew.',
      );
    });
    if (this.findings[id].endsWith('…')) say('Could not be checked.');
  }

  /** Tells of something that cannot be loaded at all. */
  refuse(error: Error): void {
    this.set({ error });
  }

  dismiss(): void {
    this.set({ error: null });
  }

  private abort(): void {
    this.loading?.abort();
    this.passphrase.cancel();
    this.token.cancel();
  }

  /** Does `work` with the source of `choice`; where a hub asks who is there, the visitor is asked for an access token. */
  private withAccess<T>({ name, source }: ModelChoice, signal: AbortSignal | undefined, work: (source: ModelSource) => Promise<T>): Promise<T> {
    if (!('repo' in source)) return work(source);
    return this.token.during(name, this.accessToken, signal, (token) => {
      this.accessToken = token;
      return work(token === undefined ? source : { ...source, token });
    });
  }

  private loadOnce(model: ModelSource, { sha256, bytes }: ModelChoice, options: Omit<ModelOptions, 'model'>, signal: AbortSignal): Promise<Engine> {
    const rate = new TransferRate();
    return loadEngine(this.connect(), {
      ...options,
      model,
      sha256,
      fileBytes: bytes,
      signal,
      onProgress: (progress) => {
        if (signal.aborted) return;
        if (progress.phase === 'weights') rate.add(progress.loadedBytes, performance.now());
        this.set({ progress, bytesPerSecond: progress.bytesPerSecond ?? rate.bytesPerSecond });
      },
    });
  }

  private async ask(choice: ModelChoice): Promise<void> {
    const question = { choice };
    this.set({ question });
    const found = await this.sizeOf(choice).then(
      (bytes) => ({ bytes }),
      ({ message }: Error) => ({ problem: message }),
    );
    if (this.question === question) this.set({ question: { choice, ...found } });
  }

  private sizeOf = async (choice: ModelChoice): Promise<number> => (await sizeAtAddress(choice)) ?? (await this.planOf(choice, {})).fileBytes;

  private async showPlan(choice: ModelChoice, options: LoadChoices): Promise<void> {
    this.set({ step: 'planned', choice, plan: null, full: false });
    const current = (): boolean => this.step === 'planned' && this.choice === choice;
    try {
      const plan = await this.planOf(choice, options);
      if (current()) this.set({ plan, choice: differsInSize(choice, plan.fileBytes) });
    } catch (error) {
      if (current()) this.set({ step: 'choosing', error: error as Error });
    }
  }

  /** Plans the same choice anew, as for another budget; what is shown stays until then. */
  async replan(options: LoadChoices): Promise<void> {
    const { choice } = this;
    const asked = (this.replanning = {});
    await this.act(async () => {
      const plan = await this.planOf(choice!, options);
      if (this.replanning === asked && this.step === 'planned' && this.choice === choice) this.set({ plan });
    });
  }

  /** Gives the loaded model another budget, after the answer under way; of several in a row the last. Where it cannot be, the model stays as it is. */
  changeBudget(budget: ModelOptions['budget']): Promise<void> {
    this.wantedBudget = { bytes: budget };
    return (this.budgeting ??= this.giveBudgets().finally(() => (this.budgeting = null)));
  }

  private async giveBudgets(): Promise<void> {
    const { engine } = this;
    while (this.wantedBudget && engine && this.engine === engine) {
      const { bytes } = this.wantedBudget;
      this.wantedBudget = null;
      this.set({ budgetNews: 'The model is being placed within it…' });
      const news = await engine.changeBudget(bytes).then(
        () => ({ budgetNews: 'The model is within it.', choices: { ...this.choices, budget: bytes } }),
        ({ message }: Error) => ({ budgetNews: message }),
      );
      if (this.engine === engine) this.set(news);
    }
  }

  private planOf = (choice: ModelChoice, options: LoadChoices): Promise<ModelPlan> =>
    this.withAccess(choice, undefined, (source) =>
      this.connect().call((worker) => worker.plan(toModelSource(source), toLoadOptions({ ...options, sha256: choice.sha256, fileBytes: choice.bytes }))),
    );

  /** After a failure that the visitor can do something about: no room on the GPU or in storage, a file that is not the one of the list. */
  private async offerAnotherWay(choice: ModelChoice, options: LoadChoices, error: Error): Promise<void> {
    const changed = differsInHash(choice, error);
    if (changed) {
      this.set({ error: null });
      return this.showPlan(changed, options);
    }
    if (!(error instanceof BudgetError)) return;
    const plan = await this.planOf(choice, options).catch(() => null);
    if (!plan || this.step !== 'choosing') return;
    if (plan.verdict === 'refused')
      this.set({ step: 'planned', choice, plan, full: false, error: null }); // it says why, and offers another budget
    else if (lackingBytes(plan, foundFull(error)) > 0) this.set({ step: 'planned', choice, plan, full: foundFull(error) });
  }

  /** Storage that cannot be read (a private window, say) is as good as empty. */
  private async refreshStored(): Promise<void> {
    const stored = await this.connect()
      .call((worker) => worker.models())
      .catch(() => []);
    this.set({ stored: stored.sort((a, b) => b.lastUsed - a.lastUsed) });
  }

  private async act(work: (connection: Connection) => Promise<void>): Promise<void> {
    await work(this.connect()).catch((error: Error) => this.set({ error }));
  }

  private connect(): Connection {
    if (this.connection) return this.connection;
    const connection = (this.connection = connect(startWorker(this.worker)));
    connection.onClose((error) => {
      if (this.connection !== connection) return;
      this.connection = null;
      if (this.step === 'ready') this.set({ step: 'choosing', engine: null, error });
    });
    return connection;
  }

  private set(state: Partial<ModelLoader>): void {
    Object.assign(this, state);
    this.host.requestUpdate();
  }
}

// The worker and the model in it, as the page sees them. View state only: what runs is behind the API.
import { type ReactiveController, type ReactiveControllerHost } from 'lit';
import { connect, startWorker, type Connection } from '../api/connection.ts';
import { loadEngine, type Engine, type ModelOptions } from '../api/engine.ts';
import { toLoadOptions, toModelSource } from '../api/parameters.ts';
import { type LoadProgress, type ModelPlan, type StoredModel } from '../protocol.ts';
import { storedCopy, type ModelChoice } from './model-choice.ts';
import { TransferRate } from './transfer-rate.ts';

export type LoadStep = 'looking' | 'choosing' | 'planned' | 'loading' | 'ready';
export type LoadChoices = Omit<ModelOptions, 'model' | 'signal' | 'onProgress'>;

export class ModelLoader implements ReactiveController {
  step: LoadStep = 'looking';
  engine: Engine | null = null;
  choice: ModelChoice | null = null;
  /** Of `choice`, while the visitor decides; null while its header is read. */
  plan: ModelPlan | null = null;
  stored: StoredModel[] = [];
  progress: LoadProgress | null = null;
  bytesPerSecond = 0;
  paused = false;
  /** What was found out about a stored model, by its id. */
  findings: Record<string, string> = {};
  error: Error | null = null;

  private connection: Connection | null = null;
  private loading: AbortController | null = null;

  constructor(private readonly host: ReactiveControllerHost, private readonly worker?: () => Worker) {
    host.addController(this);
  }

  hostConnected(): void {}

  hostDisconnected(): void {
    this.loading?.abort();
    void this.engine?.unload();
  }

  /** Looks for `choice` in the store and loads it from there, or from its source if `download`; else waits to be told. */
  async start(choice: ModelChoice, options: LoadChoices, download: boolean): Promise<void> {
    await this.refreshStored();
    if (download || storedCopy(choice, this.stored)) await this.load(choice, options);
    else this.set({ step: 'choosing' });
  }

  async load(choice: ModelChoice, options: LoadChoices): Promise<void> {
    const loading = (this.loading = new AbortController());
    const rate = new TransferRate();
    this.set({ step: 'loading', choice, progress: null, bytesPerSecond: 0, paused: false, error: null });
    try {
      await this.engine?.unload();
      this.engine = null;
      const connection = this.connect();
      const engine = await loadEngine(connection, {
        ...options,
        model: choice.source,
        sha256: choice.sha256,
        signal: loading.signal,
        onProgress: (progress) => {
          if (progress.phase === 'weights') rate.add(progress.loadedBytes, performance.now());
          this.set({ progress, bytesPerSecond: progress.bytesPerSecond ?? rate.bytesPerSecond });
        },
      });
      this.set({ step: 'ready', engine });
      await this.refreshStored();
    } catch (error) {
      this.set({ step: 'choosing', error: loading.signal.aborted ? null : (error as Error) });
      await this.refreshStored();
    }
  }

  /** Says what loading `choice` would take, and waits to be told; loads at once what needs no download. */
  async propose(choice: ModelChoice, options: LoadChoices): Promise<void> {
    const asked = 'url' in choice.source || 'repo' in choice.source;
    if (!asked || storedCopy(choice, this.stored)) return this.load(choice, options);
    this.set({ step: 'planned', choice, plan: null, error: null });
    try {
      const plan = await this.connect().call((worker) => worker.plan(toModelSource(choice.source), toLoadOptions(options)));
      if (this.step === 'planned' && this.choice === choice) this.set({ plan });
    } catch (error) {
      if (this.step === 'planned' && this.choice === choice) this.set({ step: 'choosing', error: error as Error });
    }
  }

  cancel(): void {
    if (this.step === 'planned') this.set({ step: 'choosing' });
    this.loading?.abort();
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

  async remove(id: string): Promise<void> {
    await this.act((connection) => connection.call((worker) => worker.remove(id)));
    await this.refreshStored();
  }

  async verify(id: string): Promise<void> {
    const say = (words: string): void => this.set({ findings: { ...this.findings, [id]: words } });
    say('Checking every byte…');
    await this.act(async (connection) => {
      const { damaged, whole } = await connection.call((worker) => worker.verify(id));
      say(damaged.length === 0 ? 'Whole: every byte is as it was stored.' : whole ? 'Was damaged, and has been mended.' : 'Damaged. Delete it and load it anew.');
    });
    if (this.findings[id].endsWith('…')) say('Could not be checked.');
  }

  dismiss(): void {
    this.set({ error: null });
  }

  /** Storage that cannot be read (a private window, say) is as good as empty. */
  private async refreshStored(): Promise<void> {
    const stored = await this.connect().call((worker) => worker.models()).catch(() => []);
    this.set({ stored: stored.sort((a, b) => b.lastUsed - a.lastUsed) });
  }

  private async act(work: (connection: Connection) => Promise<void>): Promise<void> {
    await work(this.connect()).catch((error: Error) => this.set({ error }));
  }

  private connect(): Connection {
    if (this.connection) return this.connection;
    const connection = (this.connection = connect(startWorker(this.worker)));
    connection.onClose((error) => {
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

// Engines that several elements of a page share: the same model with the same budget is loaded once, and unloaded when
// the last element that uses it is gone. View state of one element over it.
import { type ReactiveController, type ReactiveControllerHost } from 'lit';
import { startScript } from '../../api/connection.ts';
import { createEngine, type Engine } from '../../api/engine.ts';
import { type LoadProgress } from '../../protocol.ts';

export interface ModelSettings {
  model: string;
  budget?: string;
  /** Address of windrow's worker script on the page's own origin. */
  workerSrc?: string;
}

interface SharedEngine {
  users: Set<SharedModel>;
  loading: AbortController;
  engine: Promise<Engine>;
}

const engines = new Map<string, SharedEngine>();

export class SharedModel implements ReactiveController {
  step: 'idle' | 'loading' | 'ready' = 'idle';
  engine: Engine | null = null;
  progress: LoadProgress | null = null;
  error: Error | null = null;

  private key = '';
  private leaving = 0;

  constructor(private readonly host: ReactiveControllerHost & HTMLElement) {
    host.addController(this);
  }

  hostConnected(): void {
    clearTimeout(this.leaving);
  }

  /** Not at once: an element that is moved is disconnected and connected again. */
  hostDisconnected(): void {
    this.leaving = window.setTimeout(() => this.release(), 0);
  }

  async load({ model, budget, workerSrc }: ModelSettings): Promise<Engine> {
    const key = JSON.stringify([addressOf(model), budget, workerSrc]);
    if (this.key !== key) this.release();
    this.key = key;
    let shared = engines.get(key);
    if (!shared) {
      const loading = new AbortController();
      const users = new Set<SharedModel>();
      const worker = workerSrc ? () => startScript(new URL(workerSrc, document.baseURI)) : undefined;
      const onProgress = (progress: LoadProgress): void => users.forEach((user) => user.report(progress));
      shared = { users, loading, engine: createEngine({ model, budget, worker, onProgress, signal: loading.signal }) };
      engines.set(key, shared);
      shared.engine.catch(() => engines.delete(key)); // the next one tries anew
    }
    if (!shared.users.has(this)) {
      shared.users.add(this);
      this.set({ step: 'loading', progress: null, error: null });
    }
    return this.finish(shared);
  }

  release(): void {
    const shared = engines.get(this.key);
    if (shared?.users.delete(this) && shared.users.size === 0) {
      engines.delete(this.key);
      shared.loading.abort();
      shared.engine.then((engine) => engine.unload(), () => {}); // aborted before it was there
    }
    this.key = '';
    this.set({ step: 'idle', engine: null, error: null });
  }

  /** The GPU or the worker is gone: every element that uses the engine goes back to where it is loaded, and says why. */
  lose(error: Error): void {
    const shared = engines.get(this.key);
    if (!shared) return;
    engines.delete(this.key);
    void shared.engine.then((engine) => engine.unload());
    for (const user of shared.users) {
      user.key = '';
      user.set({ step: 'idle', engine: null, error });
    }
  }

  dismiss(): void {
    this.set({ error: null });
  }

  private async finish(shared: SharedEngine): Promise<Engine> {
    const { key } = this;
    try {
      const engine = await shared.engine;
      if (this.key === key && this.engine !== engine) {
        this.set({ step: 'ready', engine });
        this.tell('windrow-ready', { info: engine.info, engine });
      }
      return engine;
    } catch (error) {
      if (this.key === key && this.step === 'loading') {
        this.key = '';
        this.set({ step: 'idle', error: shared.loading.signal.aborted ? null : (error as Error) });
        if (this.error) this.tell('windrow-error', { error });
      }
      throw error;
    }
  }

  private report(progress: LoadProgress): void {
    this.set({ progress });
    this.tell('windrow-progress', progress);
  }

  private tell(event: string, detail: unknown): void {
    this.host.dispatchEvent(new CustomEvent(event, { detail, bubbles: true, composed: true }));
  }

  private set(state: Partial<SharedModel>): void {
    Object.assign(this, state);
    this.host.requestUpdate();
  }
}

/** As the page resolves it; what is no address stays as it is, and is refused when it is loaded. */
function addressOf(model: string): string {
  try {
    return new URL(model, document.baseURI).href;
  } catch {
    return model;
  }
}

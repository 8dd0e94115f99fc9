// A model on a server, as the page sees it: which one is used, and what is remembered of it. View state; off until the visitor connects to one.
import { type ReactiveController, type ReactiveControllerHost } from 'lit';
import { keepServer, keptServer, type KeptServer } from './kept-server.ts';
import { type ServerEngine } from './server-engine.ts';

/** What the visitor has connected to, and what to remember of it. */
export interface Connected {
  engine: ServerEngine;
  kept: Omit<KeptServer, 'isLast'>;
}

export class ServerModel implements ReactiveController {
  engine: ServerEngine | null = null;
  kept = keptServer();

  constructor(private readonly host: ReactiveControllerHost) {
    host.addController(this);
  }

  hostConnected(): void {
    addEventListener('storage', this.reread);
  }

  hostDisconnected(): void {
    removeEventListener('storage', this.reread);
    void this.engine?.unload();
  }

  /** Where what is asked goes; '' while it stays here. */
  get address(): string {
    return this.engine?.info.host ?? '';
  }

  use({ engine, kept }: Connected): void {
    void this.engine?.unload();
    this.set({ engine, kept: { ...kept, isLast: true } });
  }

  /** Another model is used. */
  leave(): void {
    if (!this.engine && !this.kept?.isLast) return;
    void this.engine?.unload();
    const kept = keptServer(this.kept); // another tab may have forgotten it, with its key
    this.set({ engine: null, kept: kept && { ...kept, isLast: false } });
  }

  forget(): void {
    void this.engine?.unload();
    this.set({ engine: null, kept: undefined });
  }

  /** Another tab has kept or forgotten a server. */
  private reread = (): void => {
    this.kept = keptServer(this.kept);
    this.host.requestUpdate();
  };

  private set(state: Pick<ServerModel, 'engine' | 'kept'>): void {
    Object.assign(this, state);
    keepServer(state.kept);
    this.host.requestUpdate();
  }
}

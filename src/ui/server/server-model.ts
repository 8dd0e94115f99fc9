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

  hostConnected(): void {}

  hostDisconnected(): void {
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
    this.set({ engine: null, kept: this.kept && { ...this.kept, isLast: false } });
  }

  forget(): void {
    void this.engine?.unload();
    this.set({ engine: null, kept: undefined });
  }

  private set(state: Pick<ServerModel, 'engine' | 'kept'>): void {
    Object.assign(this, state);
    keepServer(state.kept);
    this.host.requestUpdate();
  }
}

// <windrow-server-offer>: a model on a server, as one more that may be chosen. What asks for the server comes when the visitor opens it.
// Events: use-server (Connected), from within; leave-server, forget-server.
import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import { controls } from '../page/controls.ts';
import { icon } from '../page/icons.ts';
import { type KeptServer } from './kept-server.ts';
import { type ServerEngine } from './server-engine.ts';

export class ServerOffer extends LitElement {
  /** The one that is used. */
  @property({ attribute: false }) engine: ServerEngine | null = null;
  /** The one that was used last. */
  @property({ attribute: false }) kept?: KeptServer;
  @state() private opened: 'no' | 'yes' | 'failed' = 'no';

  override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has('kept')) return;
    if (this.kept && this.opened === 'no') void this.load();
    if (!this.kept && changed.get('kept')) this.opened = 'no';
  }

  override render(): TemplateResult {
    return html`
      <section aria-labelledby="server">
        <h2 id="server">A model on a server</h2>
        <p class="away">${icon('away')}<span>For models that are too large for this device. What you write <strong>leaves this device</strong>: it goes to the
          server, with the whole chat.</span></p>
        ${this.engine ? this.renderUsed(this.engine) : this.opened === 'yes' ? this.renderForm() : html`<button @click=${this.open}>Use a server</button>`}
        ${this.opened === 'failed' ? html`<p class="wrong" role="alert">This part of the page could not be loaded. Check the connection.</p>` : nothing}
      </section>
    `;
  }

  private renderForm(): TemplateResult {
    return html`<windrow-server .kept=${this.kept}></windrow-server>`;
  }

  private renderUsed({ info }: ServerEngine): TemplateResult {
    return html`
      <p>${info.name} on ${info.host} answers.</p>
      <div class="buttons">
        <button @click=${() => this.tell('leave-server')}>Disconnect</button>
        <button class="plain" @click=${() => this.tell('forget-server')}>Disconnect and forget it</button>
      </div>
    `;
  }

  private async load(): Promise<void> {
    const loaded = await import('./server-form.ts').catch(() => null);
    if (loaded && !customElements.get('windrow-server')) customElements.define('windrow-server', loaded.ServerForm);
    this.opened = loaded ? 'yes' : 'failed';
  }

  private async open(): Promise<void> {
    await this.load();
    await this.updateComplete;
    const form = this.renderRoot.querySelector('windrow-server');
    await (form as LitElement | null)?.updateComplete;
    form?.shadowRoot?.querySelector('input')?.focus();
  }

  private tell(name: string): void {
    this.dispatchEvent(new CustomEvent(name, { bubbles: true, composed: true }));
  }

  static override styles = [
    controls,
    css`
      section {
        display: grid;
        justify-items: start;
        gap: var(--gap-small);
      }
      h2 {
        font-size: 1rem;
      }
      .away {
        display: flex;
        gap: var(--gap-small);
        color: var(--away);
        font-size: var(--text-small);
      }
      .away .icon {
        margin-top: 0.1rem;
      }
      windrow-server {
        width: 100%;
      }
      .buttons {
        display: flex;
        flex-wrap: wrap;
        gap: var(--gap-small);
      }
      .wrong {
        color: var(--danger);
        font-size: var(--text-small);
      }
    `,
  ];
}

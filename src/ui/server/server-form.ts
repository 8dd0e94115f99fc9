// <windrow-server>: asks for a server's address and key, then for one of its models. Loaded when it is opened. The key is in memory alone, unless the
// visitor gives a passphrase to keep it under. Events, bubbling: use-server (Connected), forget-server.
import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { property, query, state } from 'lit/decorators.js';
import { toServerUrl } from '../../api/remote/address.ts';
import { controls } from '../page/controls.ts';
import { findServer, type Found, isExposed, useModel } from './connecting.ts';
import { type KeptServer, type SealedKey } from './kept-server.ts';
import { type Connected } from './server-model.ts';

export class ServerForm extends LitElement {
  @property({ attribute: false }) kept?: KeptServer;
  @state() private address = '';
  /** The key that is kept is not the one. */
  @state() private otherKey = false;
  @state() private hasKey = false;
  @state() private found: Found | null = null;
  /** What is under way, in words. */
  @state() private doing = '';
  @state() private problem = '';
  @query('form') private form!: HTMLFormElement;
  private leaving = new AbortController();

  override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('kept') && changed.get('kept')?.url !== this.kept?.url) this.address = this.kept?.url ?? this.address;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.leaving.abort();
    this.leaving = new AbortController();
    void this.found?.engine.unload();
    [this.found, this.doing] = [null, ''];
  }

  /** What is kept is of its address alone. */
  private get sealed(): SealedKey | undefined {
    return this.otherKey || this.address !== this.kept?.url ? undefined : this.kept.key;
  }

  /** Others than the server could read the key. */
  private get isKeyExposed(): boolean {
    try {
      return isExposed(toServerUrl(this.address));
    } catch {
      return false; // it is no address yet
    }
  }

  override render(): TemplateResult {
    const { kept, found, doing, problem } = this;
    return html`
      <form @submit=${this.submit} autocomplete="off">
        <label class="field"><span>Address</span>
          <input name="url" inputmode="url" autocapitalize="off" spellcheck="false" required placeholder="http://localhost:11434/v1"
            .value=${this.address} ?disabled=${found !== null} @input=${this.changeAddress}>
          <span class="quiet">Of any server with OpenAI’s interface: vLLM, SGLang, llama.cpp, Ollama, windrow serve. It has to let this page ask
            (CORS).</span></label>
        ${found ? this.renderModels(found) : this.sealed ? this.renderPassphrase() : this.renderKey()}
        <p class="wrong" role="alert">${problem}</p>
        <p class="quiet" role="status">${doing}</p>
        <div class="buttons">
          ${kept && !found ? html`<button type="button" class="plain" @click=${() => this.tell('forget-server')}>Forget it</button>` : nothing}
          ${found ? html`<button type="button" @click=${this.goBack}>Back</button>` : nothing}
          <button class="primary" ?disabled=${doing !== ''}>${found ? 'Use this model' : 'Connect'}</button>
        </div>
      </form>
    `;
  }

  private renderModels({ engine }: Found): TemplateResult {
    return html`<label class="field"><span>Model</span>
      <select name="model">${engine.models.map((name) => html`<option value=${name}>${name}</option>`)}</select></label>`;
  }

  private renderPassphrase(): TemplateResult {
    return html`<label class="field"><span>Passphrase of its key</span>
        <input type="password" name="passphrase" autocomplete="current-password" required></label>
      ${this.renderExposed()}
      <div><button type="button" class="plain" @click=${() => (this.otherKey = true)}>Give the key itself</button></div>`;
  }

  private renderKey(): TemplateResult {
    return html`
      <label class="field"><span>Key</span>
        <input type="password" name="key" placeholder=${this.kept?.needsKey ? '' : 'Empty: it asks for none'} ?required=${this.kept?.needsKey === true &&
          this.address === this.kept.url}
          @input=${({ target }: Event) => (this.hasKey = (target as HTMLInputElement).value !== '')}>
        <span class="quiet">Sent to this server alone, and forgotten when this page is closed.</span></label>
      ${this.hasKey ? this.renderExposed() : nothing}
      ${
        this.hasKey
          ? html`<label class="field"><span>Keep the key under a passphrase</span>
              <input type="password" name="passphrase" autocomplete="new-password" 
                placeholder=${this.kept?.key && this.address === this.kept.url ? 'Empty: the one before stays kept' : 'Empty: not kept'}>
              <span class="quiet">Asked for when you connect again. A lost one cannot be found again.</span></label>`
          : nothing
      }
    `;
  }

  private renderExposed(): TemplateResult | typeof nothing {
    return this.isKeyExposed
      ? html`<label class="check"><input type="checkbox" name="open" required>
          <span>The key goes there over plain http, where others on the way can read it. Send it all the same.</span></label>`
      : nothing;
  }

  private changeAddress({ target }: Event): void {
    this.address = (target as HTMLInputElement).value;
    this.problem = '';
  }

  private goBack(): void {
    void this.found?.engine.unload();
    this.found = null;
  }

  private async submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const { signal } = this.leaving;
    const given = new FormData(this.form);
    this.problem = '';
    try {
      const { found, kept } = this;
      if (found) this.doing = `Asking ${found.engine.info.host}…`;
      const result = await (found ? useModel(found, given.get('model') as string, kept, signal) : this.connect(given, signal));
      if (signal.aborted) void result.engine.unload();
      else if ('kept' in result) this.hand(result);
      else await this.choose(result);
    } catch (error) {
      if (!signal.aborted) this.problem = (error as Error).message;
    } finally {
      if (!signal.aborted) this.doing = '';
    }
  }

  /** Asks the server for its models. */
  private connect(given: FormData, signal: AbortSignal): Promise<Found | Connected> {
    const { kept, sealed } = this;
    const url = toServerUrl(this.address);
    if (location.protocol === 'https:' && isExposed(url))
      throw new TypeError(`${url} cannot be asked: this page came over https, from where browsers reach https alone, or this machine. Use its https address.`);
    this.doing = `Asking ${new URL(url).host}…`;
    const text = (name: string): string => (given.get(name) as string | null) ?? '';
    return findServer({ url, sealed, key: text('key'), passphrase: text('passphrase'), isOpen: given.has('open') }, kept, signal);
  }

  private async choose(found: Found): Promise<void> {
    this.found = found;
    await this.updateComplete;
    this.form.querySelector('select')!.focus();
  }

  /** The engine is the page's from here on. */
  private hand(connected: Connected): void {
    [this.found, this.hasKey, this.otherKey] = [null, false, false];
    this.form.reset();
    this.tell('use-server', connected);
  }

  private tell(name: string, detail?: Connected): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }

  static override styles = [
    controls,
    css`
      form {
        display: grid;
        gap: var(--gap);
        margin-top: var(--gap-small);
        padding: var(--gap);
        border: 1px solid var(--line);
        border-radius: var(--radius);
        background: var(--surface);
      }
      .field > span:first-child {
        font-size: var(--text-small);
        font-weight: 600;
      }
      .field .quiet {
        line-height: 1.4;
      }
      .wrong {
        color: var(--danger);
        font-size: var(--text-small);
        overflow-wrap: anywhere;
      }
      .check {
        display: flex;
        align-items: center;
        gap: var(--gap-small);
        min-height: var(--tap);
      }
      .check input {
        flex: none;
        width: 1.15rem;
        height: 1.15rem;
        accent-color: var(--accent);
      }
      p:empty {
        display: none;
      }
      .buttons {
        display: flex;
        flex-wrap: wrap;
        justify-content: flex-end;
        gap: var(--gap-small);
      }
    `,
  ];
}

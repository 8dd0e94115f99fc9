// <windrow-model-card>: which model to load. Events: choose (ModelChoice); remove and verify (id of a stored model);
// keeping-changed, from within.
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import { type KnownHubResult, type StoredModel } from '../../protocol.ts';
import { card } from '../page/card.ts';
import { controls } from '../page/controls.ts';
import { formatBytes } from '../page/format.ts';
import { deviceMemory, isRoomy } from './catalogue.ts';
import { plainKeeping, type Keeping } from './keeping.ts';
import { type ServerModel } from '../server/server-model.ts';
import { choiceOfFiles, choiceOfText, storedCopy, type LookedInto, type ModelChoice } from './model-choice.ts';

export class ModelCard extends LitElement {
  /** What is offered; the first one in full. */
  @property({ attribute: false }) catalogue: ModelChoice[] = [];
  @property({ attribute: false }) stored: StoredModel[] = [];
  @property({ attribute: false }) findings: Record<string, string> = {};
  @property({ attribute: false }) keeping: Keeping = plainKeeping;
  /** Undefined where the hub may not be searched. */
  @property({ attribute: false }) search?: (words: string) => Promise<KnownHubResult[]>;
  @property({ attribute: false }) lookInto?: (repo: string) => Promise<LookedInto>;
  /** Undefined where models on servers are not offered. */
  @property({ attribute: false }) server?: Pick<ServerModel, 'engine' | 'kept'>;
  @state() private addressWrong = false;
  @state() private searching: 'no' | 'yes' | 'failed' = 'no';

  override render(): TemplateResult {
    const [offered, ...others] = this.catalogue;
    const isFirst = this.server?.engine || this.server?.kept?.isLast;
    return html`
      ${isFirst ? this.renderServer() : nothing}
      ${offered ? this.renderOffered(offered) : nothing}
      ${
        this.stored.length > 0
          ? html`<windrow-stored-models .stored=${this.stored} .catalogue=${this.catalogue} .findings=${this.findings}></windrow-stored-models>`
          : nothing
      }
      ${others.length > 0 ? this.renderOthers(others) : nothing}
      <section aria-labelledby="other">
        <h2 id="other" class="small">Another model</h2>
        <form @submit=${this.chooseAddress}>
          <label class="hidden" for="address">Address of a GGUF file, or owner/repo:quantisation of a model hub</label>
          <input id="address" name="address" type="text" class="text" inputmode="url" autocomplete="off" autocapitalize="off" spellcheck="false" required
            placeholder="owner/repo:Q4_K_M or https://… .gguf" aria-invalid=${this.addressWrong} aria-describedby="wrong"
              @input=${() => (this.addressWrong = false)}>
          <button>Load</button>
          <label class="button"><input class="hidden" type="file" multiple @change=${this.chooseFile}>Open a file</label>
        </form>
        <p class="quiet wrong" id="wrong" role="alert">${this.addressWrong ? 'This is no http or https address, and no owner/repo.' : nothing}</p>
        <p class="quiet hint">Any GGUF file of a supported architecture. You can drop one anywhere on this page.</p>
        ${this.search ? this.renderSearch() : nothing}
        <windrow-keep-options .keeping=${this.keeping}></windrow-keep-options>
        <windrow-memory></windrow-memory>
      </section>
      ${isFirst ? nothing : this.renderServer()}
    `;
  }

  private renderServer(): TemplateResult | typeof nothing {
    return this.server ? html`<windrow-server-offer .engine=${this.server.engine} .kept=${this.server.kept}></windrow-server-offer>` : nothing;
  }

  private renderOffered(offered: ModelChoice): TemplateResult {
    const size = offered.bytes ? ` (${formatBytes(offered.bytes)})` : '';
    return html`
      <section class="card" aria-labelledby="offered">
        <h2 id="offered">${offered.name}</h2>
        <p>
          The model runs in this page, on your own GPU. Nothing you write leaves this device.
          ${storedCopy(offered, this.stored) ? 'It is already on this device.' : 'It is downloaded once and kept in this browser.'}
        </p>
        ${offered.about || offered.licence ? html`<p class="quiet">${[offered.about, offered.licence].filter(Boolean).join(' · ')}</p>` : nothing}
        <button class="primary" id="load" @click=${() => this.choose(offered)}>Load the model${size}</button>
      </section>
    `;
  }

  private renderOthers(others: ModelChoice[]): TemplateResult {
    return html`
      <section aria-labelledby="catalogue">
        <h2 id="catalogue" class="small">More models</h2>
        <ul>
          ${others.map((model) => html`
            <li>
              <div>
                <span>${model.name}</span>
                <span class="quiet">${this.wordsOf(model)}</span>
              </div>
              <button aria-label="Load ${model.name}" @click=${() => this.choose(model)}>Load</button>
            </li>
          `)}
        </ul>
      </section>
    `;
  }

  private wordsOf(model: ModelChoice): string {
    const { about, bytes, roughBytes, licence } = model;
    const size = bytes ? formatBytes(bytes) : roughBytes && `about ${formatBytes(roughBytes)}`;
    return [about, size, licence, isRoomy(model, deviceMemory()) === false && 'streamed on this device: slower'].filter(Boolean).join(' · ');
  }

  /** What searches comes when it is asked for: most visitors never do. */
  private renderSearch(): TemplateResult {
    if (this.searching === 'yes') return html`<windrow-hub-search .search=${this.search} .lookInto=${this.lookInto}></windrow-hub-search>`;
    return html`
      <p><button @click=${this.openSearch}>Search the hub</button></p>
      ${this.searching === 'failed' ? html`<p class="quiet wrong" role="alert">The search could not be loaded. Check the connection.</p>` : nothing}
    `;
  }

  private async openSearch(): Promise<void> {
    const loaded = await import('./hub-search.ts').catch(() => null);
    if (loaded && !customElements.get('windrow-hub-search')) customElements.define('windrow-hub-search', loaded.HubSearch);
    this.searching = loaded ? 'yes' : 'failed';
    await this.updateComplete;
    this.renderRoot.querySelector('windrow-hub-search')?.shadowRoot?.querySelector('input')?.focus();
  }

  private choose(choice: ModelChoice): void {
    this.dispatchEvent(new CustomEvent('choose', { detail: choice, bubbles: true, composed: true }));
  }

  private chooseFile({ target }: Event): void {
    const files = [...((target as HTMLInputElement).files ?? [])];
    if (files.length > 0) this.choose(choiceOfFiles(files));
  }

  private chooseAddress(event: SubmitEvent): void {
    event.preventDefault();
    const address = new FormData(event.target as HTMLFormElement).get('address') as string;
    try {
      this.choose(choiceOfText(address, document.baseURI));
    } catch {
      this.addressWrong = true;
    }
  }

  static override styles = [
    controls,
    card,
    css`
      :host {
        display: grid;
        gap: var(--gap-large);
      }
      h2.small {
        margin-bottom: var(--gap-small);
        font-size: 1rem;
      }
      .card {
        gap: var(--gap);
      }
      .hint {
        margin-block: var(--gap-small);
      }
      .wrong:not(:empty) {
        margin-top: var(--gap-small);
        color: var(--danger);
      }
      form {
        display: flex;
        flex-wrap: wrap;
        gap: var(--gap-small);
      }
      input.text {
        flex: 1 1 14rem;
        width: auto;
      }
      ul {
        margin: 0;
        padding: 0;
        list-style: none;
      }
      li {
        display: flex;
        align-items: center;
        gap: var(--gap);
        padding: 0.55rem 0;
        border-top: 1px solid var(--line);
        line-height: 1.4;
      }
      li div {
        display: grid;
        flex: 1;
        min-width: 0;
      }
    `,
  ];
}

// <windrow-model-card>: which model to load. Events: choose (ModelChoice), remove (id of a stored model).
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import { type StoredModel } from '../protocol.ts';
import { controls } from './controls.ts';
import { formatBytes } from './format.ts';
import { choiceOfFile, choiceOfStored, choiceOfUrl, storedCopy, type ModelChoice } from './model-choice.ts';

export class ModelCard extends LitElement {
  @property({ attribute: false }) offered!: ModelChoice;
  @property({ attribute: false }) stored: StoredModel[] = [];
  @state() private addressWrong = false;

  override render(): TemplateResult {
    const { offered, stored } = this;
    const size = offered.bytes ? ` (${formatBytes(offered.bytes)})` : '';
    const kept = storedCopy(offered, stored);
    return html`
      <section aria-labelledby="offered">
        <h2 id="offered">${offered.name}</h2>
        <p>
          The model runs in this page, on your own GPU. Nothing you write leaves this device.
          ${kept ? 'It is already on this device.' : 'It is downloaded once and kept in this browser.'}
        </p>
        <button class="primary" id="load" @click=${() => this.choose(offered)}>Load the model${size}</button>
      </section>
      ${stored.length > 0 ? this.renderStored() : nothing}
      <section aria-labelledby="other">
        <h2 id="other" class="small">Another model</h2>
        <form @submit=${this.chooseAddress}>
          <label class="hidden" for="address">Address of a GGUF file</label>
          <input id="address" name="address" type="text" inputmode="url" autocomplete="off" spellcheck="false" required
            placeholder="https://… .gguf" aria-invalid=${this.addressWrong} aria-describedby="wrong" @input=${() => (this.addressWrong = false)}>
          <button>Load</button>
          <label class="button"><input class="hidden" type="file" accept=".gguf" @change=${this.chooseFile}>Open a file</label>
        </form>
        <p class="quiet" id="wrong" role="alert">${this.addressWrong ? 'This is no http or https address.' : nothing}</p>
      </section>
    `;
  }

  private renderStored(): TemplateResult {
    return html`
      <section aria-labelledby="kept">
        <h2 id="kept" class="small">On this device</h2>
        <ul>
          ${this.stored.map((model) => html`
            <li>
              <span class="name">${model.name}</span>
              <span class="quiet">${formatBytes(model.byteLength)}</span>
              <button class="plain" aria-label="Load ${model.name}" @click=${() => this.choose(choiceOfStored(model))}>Load</button>
              <button class="plain" aria-label="Delete ${model.name}"
                @click=${() => this.dispatchEvent(new CustomEvent('remove', { detail: model.id }))}>Delete</button>
            </li>
          `)}
        </ul>
      </section>
    `;
  }

  private choose(choice: ModelChoice): void {
    this.dispatchEvent(new CustomEvent('choose', { detail: choice }));
  }

  private chooseFile(event: Event): void {
    const file = (event.target as HTMLInputElement).files?.[0];
    if (file) this.choose(choiceOfFile(file));
  }

  private chooseAddress(event: SubmitEvent): void {
    event.preventDefault();
    const address = new FormData(event.target as HTMLFormElement).get('address') as string;
    try {
      this.choose(choiceOfUrl(address, document.baseURI));
    } catch {
      this.addressWrong = true;
    }
  }

  static override styles = [
    controls,
    css`
      :host {
        display: grid;
        gap: var(--gap-large);
        max-width: 34rem;
        margin: 0 auto;
        padding: clamp(1.5rem, 8vh, 5rem) var(--gap) var(--gap-large);
      }
      h2 {
        font-size: 1.35rem;
        line-height: 1.3;
        overflow-wrap: anywhere;
      }
      h2.small {
        margin-bottom: var(--gap-small);
        font-size: 1rem;
      }
      section:first-child {
        display: grid;
        gap: var(--gap);
        padding: clamp(1.25rem, 5vw, 2rem);
        border: 1px solid var(--line);
        border-radius: var(--radius);
        background: var(--surface);
        box-shadow: var(--shadow);
      }
      form {
        display: flex;
        flex-wrap: wrap;
        gap: var(--gap-small);
      }
      input[type='text'] {
        flex: 1 1 12rem;
        min-width: 0;
        min-height: var(--tap);
        padding: 0 0.9rem;
        border: 1px solid var(--line);
        border-radius: var(--radius-small);
        background: var(--surface);
      }
      ul {
        margin: 0;
        padding: 0;
        list-style: none;
      }
      li {
        display: flex;
        align-items: center;
        gap: var(--gap-small);
        padding: 0.25rem 0;
        border-top: 1px solid var(--line);
        line-height: 1.4;
      }
      .name {
        flex: 1;
        overflow-wrap: anywhere;
        min-width: 0;
      }
    `,
  ];
}

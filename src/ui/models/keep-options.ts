// <windrow-keep-options>: whether a model is kept, and under which passphrase. Event, bubbling: keeping-changed (Keeping).
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property } from 'lit/decorators.js';
import { controls } from '../page/controls.ts';
import { plainKeeping, type Keeping } from './keeping.ts';

export class KeepOptions extends LitElement {
  @property({ attribute: false }) keeping: Keeping = plainKeeping;
  /** False where the model would be downloaded for every token: it can then be chosen to keep it, and not to drop it. */
  @property({ attribute: false }) mayGo = true;

  override render(): TemplateResult {
    const { keep, passphrase } = this.keeping;
    return html`
      <details ?open=${!keep || passphrase !== ''}>
        <summary>How it is kept</summary>
        <label class="check"><input type="checkbox" name="keep" .checked=${keep} ?disabled=${keep && !this.mayGo}
          @change=${this.change}><span>Keep it in this browser, for the next time</span></label>
        ${
          keep
            ? html`<label class="field"><span>Encrypt it with a passphrase</span>
              <input type="password" name="passphrase" autocomplete="new-password" placeholder="Empty: not encrypted" .value=${passphrase}
                @input=${this.change}>
              <span class="quiet">Asked for each time it is loaded. A lost one cannot be found again.</span></label>`
            : nothing
        }
        ${this.mayGo ? nothing : html`<p class="quiet">Too large to be used without keeping it.</p>`}
      </details>
    `;
  }

  private change(): void {
    const value = (name: string): HTMLInputElement | null => this.renderRoot.querySelector(`[name=${name}]`);
    const detail: Keeping = { keep: value('keep')!.checked, passphrase: value('passphrase')?.value ?? '' };
    this.dispatchEvent(new CustomEvent('keeping-changed', { detail, bubbles: true, composed: true }));
  }

  static override styles = [
    controls,
    css`
      details {
        display: grid;
        gap: var(--gap-small);
      }
      summary {
        width: fit-content;
        color: var(--text-quiet);
        font-size: var(--text-small);
        cursor: pointer;
      }
      .check {
        display: flex;
        align-items: center;
        gap: var(--gap-small);
        min-height: var(--tap);
      }
      .check input {
        width: 1.15rem;
        height: 1.15rem;
        accent-color: var(--accent);
      }
    `,
  ];
}

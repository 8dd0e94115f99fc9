// <windrow-passphrase>: asks for the passphrase of a model that is stored encrypted. Events: passphrase (string), closed.
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, query } from 'lit/decorators.js';
import { controls } from './controls.ts';

export class Passphrase extends LitElement {
  @property() name = '';
  /** The last one given was not the right one. */
  @property({ type: Boolean }) wrong = false;
  @query('dialog') private dialog!: HTMLDialogElement;
  @query('input') private input!: HTMLInputElement;

  override firstUpdated(): void {
    this.dialog.showModal();
  }

  override render(): TemplateResult {
    return html`
      <dialog aria-labelledby="heading" @close=${() => this.dispatchEvent(new CustomEvent('closed'))}>
        <form @submit=${this.submit}>
          <h2 id="heading">Passphrase</h2>
          <p>${this.name} is stored encrypted on this device.</p>
          <label class="field"><span>Passphrase</span>
            <input type="password" name="passphrase" autocomplete="current-password" required aria-invalid=${this.wrong} aria-describedby="wrong"></label>
          <p id="wrong" role="alert">${this.wrong ? 'This is not the one it was stored with.' : nothing}</p>
          <div class="buttons">
            <button type="button" @click=${() => this.dialog.close()}>Cancel</button>
            <button class="primary">Open</button>
          </div>
        </form>
      </dialog>
    `;
  }

  private submit(event: SubmitEvent): void {
    event.preventDefault();
    const detail = this.input.value;
    this.input.value = '';
    this.dispatchEvent(new CustomEvent('passphrase', { detail }));
  }

  static override styles = [
    controls,
    css`
      form {
        display: grid;
        gap: var(--gap);
        width: 24rem;
        max-width: 100%;
      }
      h2 {
        font-size: 1.25rem;
      }
      #wrong {
        color: var(--danger);
        font-size: var(--text-small);
      }
      #wrong:empty {
        display: none;
      }
      .buttons {
        display: flex;
        justify-content: flex-end;
        gap: var(--gap-small);
      }
    `,
  ];
}

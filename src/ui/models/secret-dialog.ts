// <windrow-secret>: asks for the passphrase of a model that is stored encrypted, or for the access token of a model hub.
// Events: secret (string), closed.
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, query } from 'lit/decorators.js';
import { controls } from '../page/controls.ts';

const words = {
  passphrase: {
    heading: 'Passphrase',
    about: 'is stored encrypted on this device.',
    hint: '',
    wrong: 'This is not the one it was stored with.',
    autocomplete: 'current-password',
  },
  token: {
    heading: 'Access token',
    about: 'is private or gated: its conditions are accepted on the hub, which then gives access tokens.',
    hint: 'Sent to the hub alone, and forgotten when this page is closed.',
    wrong: 'This one does not open it.',
    autocomplete: 'off',
  },
} as const;

export class SecretDialog extends LitElement {
  @property() kind: keyof typeof words = 'passphrase';
  @property() name = '';
  /** The last one given was not the right one. */
  @property({ type: Boolean }) wrong = false;
  @query('dialog') private dialog!: HTMLDialogElement;
  @query('input') private input!: HTMLInputElement;

  override firstUpdated(): void {
    this.dialog.showModal();
  }

  override render(): TemplateResult {
    const { heading, about, hint, wrong, autocomplete } = words[this.kind];
    return html`
      <dialog aria-labelledby="heading" @close=${() => this.dispatchEvent(new CustomEvent('closed'))}>
        <form @submit=${this.submit}>
          <h2 id="heading">${heading}</h2>
          <p>${this.name} ${about}</p>
          <label class="field"><span>${heading}</span>
            <input type="password" name="secret" autocomplete=${autocomplete} required aria-invalid=${this.wrong} aria-describedby="wrong">
            ${hint ? html`<span class="quiet">${hint}</span>` : nothing}</label>
          <p id="wrong" role="alert">${this.wrong ? wrong : nothing}</p>
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
    this.dispatchEvent(new CustomEvent('secret', { detail }));
  }

  static override styles = [
    controls,
    css`
      form {
        width: 24rem;
        max-width: 100%;
      }
      #wrong {
        color: var(--danger);
        font-size: var(--text-small);
      }
      #wrong:empty {
        display: none;
      }
    `,
  ];
}

// <windrow-link-question>: asks whether to download a model that nothing but the page's address names: links come from
// anybody. Events: load, closed.
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, query } from 'lit/decorators.js';
import { controls } from '../page/controls.ts';
import { formatBytes } from '../page/format.ts';
import { hostOf, type ModelChoice } from './model-choice.ts';

export class LinkQuestionDialog extends LitElement {
  @property({ attribute: false }) choice!: ModelChoice;
  /** Undefined while it is looked up, and where there is a problem. */
  @property({ attribute: false }) bytes?: number;
  @property({ attribute: false }) problem?: string;
  /** What else the link sets, in words. */
  @property({ attribute: false }) settings: string[] = [];
  @query('dialog') private dialog!: HTMLDialogElement;

  override firstUpdated(): void {
    this.dialog.showModal();
  }

  override render(): TemplateResult {
    const { choice, bytes, problem, settings } = this;
    const size = bytes === undefined ? (problem === undefined ? 'Looking it up…' : 'Unknown') : formatBytes(bytes);
    return html`
      <dialog aria-labelledby="heading" @close=${() => this.dispatchEvent(new CustomEvent('closed'))}>
        <form method="dialog">
          <h2 id="heading">Download this model?</h2>
          <p>The link that opened this page asks for a model that is not on its list. Download it only if you trust who gave you the link.</p>
          <dl>
            <dt>Model</dt><dd>${choice.name}</dd>
            <dt>From</dt><dd>${hostOf(choice)}</dd>
            <dt>Size</dt><dd role="status">${size}</dd>
            ${settings.length > 0 ? html`<dt>The link also sets</dt><dd>${settings.join(', ')}</dd>` : nothing}
          </dl>
          ${problem === undefined ? nothing : html`<p class="problem" role="alert">${problem}</p>`}
          <div class="buttons">
            <button autofocus>Cancel</button>
            <button type="button" class="primary" ?disabled=${bytes === undefined}
              @click=${() => this.dispatchEvent(new CustomEvent('load'))}>Download and load</button>
          </div>
        </form>
      </dialog>
    `;
  }

  static override styles = [
    controls,
    css`
      form {
        width: 27rem;
        max-width: 100%;
      }
      dl {
        display: grid;
        grid-template-columns: auto 1fr;
        gap: 0.35rem var(--gap);
        margin: 0;
        padding: var(--gap);
        border-radius: var(--radius-small);
        background: var(--bubble);
      }
      dt {
        color: var(--text-quiet);
      }
      dd {
        margin: 0;
        font-weight: 500;
        overflow-wrap: anywhere;
      }
      .problem {
        color: var(--danger);
        font-size: var(--text-small);
        overflow-wrap: anywhere;
      }
    `,
  ];
}

// <windrow-shell>: where things stand. A side beside the page on wide screens, a drawer over it on narrow ones.
// Slots: side, header, foot, and the page itself. Knows nothing of what they hold.
import { css, html, LitElement, type TemplateResult } from 'lit';
import { property, query } from 'lit/decorators.js';
import { controls } from './controls.ts';

const wide = '(min-width: 60rem)';

export class Shell extends LitElement {
  /** Only for narrow screens; on wide ones the side is always there. */
  @property({ type: Boolean }) drawer = false;
  @query('dialog') private dialog!: HTMLDialogElement | null;

  private readonly media = matchMedia(wide);
  private readonly changed = (): void => this.requestUpdate();

  override connectedCallback(): void {
    super.connectedCallback();
    this.media.addEventListener('change', this.changed);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.media.removeEventListener('change', this.changed);
  }

  override render(): TemplateResult {
    return html`
      ${this.media.matches
        ? html`<aside aria-label="Chats"><slot name="side"></slot></aside>`
        : html`<dialog aria-label="Chats" @click=${this.outside} @close=${this.closed}><slot name="side"></slot></dialog>`}
      <div class="column">
        <header><slot name="header"></slot></header>
        <main tabindex="-1"><slot></slot></main>
        <slot name="foot"></slot>
      </div>
    `;
  }

  override updated(): void {
    const { dialog } = this;
    if (this.drawer && dialog && !dialog.open) dialog.showModal();
    if (!this.drawer && dialog?.open) dialog.close();
  }

  /** A dialog's backdrop is the dialog itself to a click. */
  private outside({ target }: Event): void {
    if (target === this.dialog) this.dialog!.close();
  }

  private closed(): void {
    this.dispatchEvent(new CustomEvent('drawer-closed'));
  }

  static override styles = [
    controls,
    css`
      :host {
        display: flex;
        height: 100dvh;
      }
      aside {
        flex: 0 0 17.5rem;
        min-width: 0; /* else the longest title would set the width */
        border-inline-end: 1px solid var(--line);
        background: var(--side);
      }
      dialog {
        width: min(20rem, 86vw);
        max-width: none;
        height: 100dvh;
        max-height: none;
        margin: 0;
        padding: 0;
        border: 0;
        border-radius: 0 var(--radius) var(--radius) 0;
        background: var(--side);
      }
      dialog[open] {
        animation: slide 160ms ease-out;
      }
      @keyframes slide {
        from {
          transform: translateX(-2rem);
          opacity: 0;
        }
      }
      .column {
        display: flex;
        flex: 1;
        flex-direction: column;
        min-width: 0;
      }
      main {
        flex: 1;
        min-height: 0;
        overflow-y: auto;
        outline: none;
      }
    `,
  ];
}

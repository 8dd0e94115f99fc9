// <windrow-composer>: where one writes. Enter sends, Shift+Enter starts a new line. Events: send (text), stop.
import { css, html, LitElement, type TemplateResult } from 'lit';
import { property, query } from 'lit/decorators.js';
import { controls } from '../page/controls.ts';

export class Composer extends LitElement {
  static override shadowRootOptions = { ...LitElement.shadowRootOptions, delegatesFocus: true };

  @property({ type: Boolean }) answering = false;
  @property() placeholder = 'Write a message';
  /** What is being written. Set from outside to give a question back. */
  @property() draft = '';
  @query('textarea') private textarea!: HTMLTextAreaElement;

  override render(): TemplateResult {
    return html`
      <form @submit=${this.submit}>
        <label class="hidden" for="message">Message</label>
        <textarea id="message" rows="1" dir="auto" placeholder=${this.placeholder} enterkeyhint="send"
          .value=${this.draft} @input=${() => (this.draft = this.textarea.value)} @keydown=${this.keydown}></textarea>
        ${this.answering
          ? html`<button type="button" class="round stop" aria-label="Stop" title="Stop" @click=${this.stop}>
              <svg viewBox="0 0 24 24" aria-hidden="true"><rect x="7" y="7" width="10" height="10" rx="2" fill="currentColor" /></svg>
            </button>`
          : html`<button class="round primary" aria-label="Send" title="Send" ?disabled=${this.draft.trim() === ''}>
              <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 19V6m0 0-5.500 5.500M12 6l5.500 5.500" /></svg>
            </button>`}
      </form>
    `;
  }

  private submit(event: Event): void {
    event.preventDefault();
    const text = this.draft.trim();
    if (text === '' || this.answering) return;
    this.draft = '';
    this.dispatchEvent(new CustomEvent('send', { detail: text }));
  }

  private keydown(event: KeyboardEvent): void {
    // Enter also ends a word in an input method; that one is not ours.
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) this.submit(event);
    if (event.key === 'Escape' && this.answering) this.stop();
  }

  private stop(): void {
    this.dispatchEvent(new CustomEvent('stop'));
    this.textarea.focus(); // the button goes away; the focus must not
  }

  static override styles = [
    controls,
    css`
      form {
        display: flex;
        align-items: flex-end;
        gap: var(--gap-small);
        max-width: calc(var(--reading-width) + 2 * var(--gap));
        margin: 0 auto;
        padding: 0 var(--gap) max(var(--gap), env(safe-area-inset-bottom));
      }
      textarea {
        flex: 1;
        min-width: 0;
        min-height: 3rem;
        max-height: min(40dvh, 16rem);
        padding: 0.7rem 1rem;
        border: 1px solid var(--line);
        border-radius: 1.5rem;
        background: var(--surface);
        box-shadow: var(--shadow);
        line-height: 1.5;
        resize: none;
        field-sizing: content;
      }
      textarea::placeholder {
        color: var(--text-quiet);
        opacity: 1;
      }
      textarea:focus-visible {
        border-color: var(--accent);
        outline: 3px solid color-mix(in srgb, var(--accent) 22%, transparent);
        outline-offset: 0;
      }
      .round {
        flex: none;
        width: 3rem;
        min-height: 3rem;
        padding: 0;
        border-radius: 50%;
      }
      .stop {
        border-color: transparent;
        background: var(--text);
        color: var(--page);
      }
      svg {
        width: 1.5rem;
        fill: none;
        stroke: currentColor;
        stroke-linecap: round;
        stroke-linejoin: round;
        stroke-width: 2;
      }
    `,
  ];
}

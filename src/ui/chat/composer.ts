// <windrow-composer>: where one writes. Enter sends, Shift+Enter starts a new line. A long text is held above the field, as
// laying it out would hold up the page. Events: send (text), stop.
import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { property, query, state } from 'lit/decorators.js';
import { controls } from '../page/controls.ts';
import { icon } from '../page/icons.ts';
import { ofInputMethod } from '../page/keys.ts';
import { longText, opening, sizeOf } from './long-text.ts';

export class Composer extends LitElement {
  static override shadowRootOptions = { ...LitElement.shadowRootOptions, delegatesFocus: true };

  @property({ type: Boolean }) answering = false;
  @property() placeholder = 'Write a message';
  /** Told below the field, as where a message goes; '' for nothing. */
  @property() notice = '';
  /** What is being written. Set from outside to give a question back. */
  @property() draft = '';
  /** Long texts that were pasted or given back: they come before what is written. */
  @state() private held: string[] = [];
  @query('textarea') private textarea!: HTMLTextAreaElement;

  /** All that would be sent. */
  get text(): string {
    return [...this.held, this.draft.trim()].filter((part) => part !== '').join('\n\n');
  }

  override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('draft') && this.draft.length > longText) this.hold(this.draft);
  }

  override render(): TemplateResult {
    return html`
      <form @submit=${this.submit}>
        ${this.held.length > 0 ? html`<ul aria-label="Long texts">${this.held.map((text, i) => this.renderHeld(text, i))}</ul>` : nothing}
        <label class="hidden" for="message">Message</label>
        <textarea id="message" rows="1" dir="auto" placeholder=${this.placeholder} enterkeyhint="send"
          .value=${this.draft} @input=${this.input} @paste=${this.paste} @keydown=${this.keydown}></textarea>
        ${this.answering
          ? html`<button type="button" class="round stop" aria-label="Stop" title="Stop" @click=${this.stop}>
              <svg viewBox="0 0 24 24" aria-hidden="true"><rect x="7" y="7" width="10" height="10" rx="2" fill="currentColor" /></svg>
            </button>`
          : html`<button class="round primary" aria-label="Send" title="Send" ?disabled=${this.text === ''}>
              <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 19V6m0 0-5.500 5.500M12 6l5.500 5.500" /></svg>
            </button>`}
        ${this.notice === '' ? nothing : html`<p class="notice">${icon('away')}${this.notice}</p>`}
      </form>
    `;
  }

  private renderHeld(text: string, i: number): TemplateResult {
    return html`<li>
      <div><span class="quiet">${sizeOf(text)}</span><span class="opening" dir="auto">${opening(text)}</span></div>
      <button type="button" class="plain icon-button" aria-label="Leave out this text" title="Leave out"
        @click=${() => this.leaveOut(i)}>${icon('close')}</button>
    </li>`;
  }

  private hold(text: string): void {
    this.held = [...this.held, text.trim()];
    this.draft = '';
  }

  private leaveOut(i: number): void {
    this.held = this.held.filter((_, other) => other !== i);
    this.textarea.focus();
  }

  /** However a long text came into the field, it leaves it before it is laid out. */
  private input(): void {
    this.draft = this.textarea.value;
    if (this.draft.length <= longText) return;
    this.hold(this.draft);
    this.textarea.value = '';
  }

  private paste(event: ClipboardEvent): void {
    const text = event.clipboardData?.getData('text/plain') ?? '';
    if (text.length <= longText) return;
    event.preventDefault();
    this.hold(this.draft === '' ? text : `${this.draft.trim()}\n\n${text}`);
  }

  private submit(event: Event): void {
    event.preventDefault();
    const { text } = this;
    if (text === '' || this.answering) return;
    this.draft = '';
    this.held = [];
    this.dispatchEvent(new CustomEvent('send', { detail: text }));
  }

  private keydown(event: KeyboardEvent): void {
    if (ofInputMethod(event)) return;
    if (event.key === 'Enter' && !event.shiftKey) this.submit(event);
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
        flex-wrap: wrap;
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
      ul {
        display: grid;
        flex: 1 1 100%;
        gap: var(--gap-small);
        min-width: 0;
        margin: 0;
        padding: 0;
        list-style: none;
      }
      li {
        display: flex;
        align-items: center;
        padding: 0.45rem 0.35rem 0.45rem 1rem;
        border: 1px solid var(--line);
        border-radius: var(--radius);
        background: var(--bubble);
      }
      li div {
        display: grid;
        flex: 1;
        min-width: 0;
        line-height: 1.4;
      }
      .opening {
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .notice {
        display: flex;
        flex: 1 1 100%;
        align-items: center;
        justify-content: center;
        gap: var(--gap-small);
        color: var(--away);
        font-size: var(--text-small);
        overflow-wrap: anywhere;
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

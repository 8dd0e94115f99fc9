// <windrow-message>: one message and what can be done with it. An answer is Markdown, a question is text as it was
// written. Events, all bubbling, with the message's index: again, edit ({ at, text }),
// delete-message.
import { html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, query, state } from 'lit/decorators.js';
import { type Message } from './chat.ts';
import { controls } from '../page/controls.ts';
import { icon } from '../page/icons.ts';
import { MarkdownView } from '../markdown/view.ts';
import { markdownStyles } from '../markdown/styles.ts';
import { messageStyles } from './message-styles.ts';

export class MessageElement extends LitElement {
  @property({ attribute: false }) message!: Message;
  @property({ type: Number }) at = 0;
  @property({ type: Boolean }) writing = false;
  /** Nothing can be changed while an answer is written, or without a model. */
  @property({ type: Boolean }) locked = false;
  @state() private editing = false;
  @state() private copied = false;
  @query('.markdown') private container!: HTMLElement | null;
  private view: MarkdownView | null = null;

  override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has('message')) this.editing = false; // another conversation is shown
  }

  override render(): TemplateResult {
    const { role, content, note } = this.message;
    if (this.editing) return this.renderEditor();
    return html`
      <div class="text ${role} ${this.writing ? 'writing' : ''}" dir="auto">${role === 'user' ? content : html`<div class="markdown"></div>`}</div>
      ${this.writing ? nothing : html`<div class="below">${this.renderTools()}${note ? html`<p class="note">${note}</p>` : nothing}</div>`}
    `;
  }

  private renderTools(): TemplateResult {
    const own = this.message.role === 'user';
    return html`<div class="tools" role="group" aria-label="Message">
      <button class="plain icon-button" aria-label="Copy" title="Copy" @click=${this.copy}>${icon(this.copied ? 'check' : 'copy')}</button>
      ${own
        ? html`<button class="plain icon-button" aria-label="Edit" title="Edit and resend" ?disabled=${this.locked} @click=${this.edit}>${icon('edit')}</button>`
        : html`<button class="plain icon-button" aria-label="Regenerate" title="Regenerate" ?disabled=${this.locked} @click=${() => this.tell('again', { at: this.at })}>${icon('again')}</button>`}
      <button class="plain icon-button" aria-label="Delete" title="Delete" ?disabled=${this.locked} @click=${() => this.tell('delete-message', { at: this.at })}>${icon('trash')}</button>
      <span class="hidden" role="status">${this.copied ? 'Copied' : nothing}</span>
    </div>`;
  }

  private renderEditor(): TemplateResult {
    return html`<form class="editor" @submit=${this.resend} @keydown=${this.keydown}>
      <textarea aria-label="Edit message" dir="auto" rows="2" .value=${this.message.content}></textarea>
      <div class="buttons">
        <button type="button" @click=${this.leaveEditor}>Cancel</button>
        <button class="primary">Send</button>
      </div>
    </form>`;
  }

  override updated(): void {
    if (!this.container) {
      this.view = null;
      return;
    }
    this.view ??= new MarkdownView(this.container);
    this.view.show(this.message.content, this.writing);
  }

  private async copy(): Promise<void> {
    this.copied = await navigator.clipboard.writeText(this.message.content).then(() => true, () => false);
    setTimeout(() => (this.copied = false), 1500);
  }

  private async edit(): Promise<void> {
    this.editing = true;
    await this.updateComplete;
    this.renderRoot.querySelector('textarea')!.focus();
  }

  private async leaveEditor(): Promise<void> {
    this.editing = false;
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>('[aria-label=Edit]')?.focus();
  }

  private resend(event: Event): void {
    event.preventDefault();
    const text = this.renderRoot.querySelector('textarea')!.value.trim();
    if (!text) return;
    this.editing = false;
    this.tell('edit', { at: this.at, text });
  }

  private keydown(event: KeyboardEvent): void {
    if (event.key === 'Escape') void this.leaveEditor();
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) this.resend(event);
  }

  private tell(event: string, detail: { at: number; text?: string }): void {
    this.dispatchEvent(new CustomEvent(event, { detail, bubbles: true, composed: true }));
  }

  static override styles = [controls, markdownStyles, messageStyles];
}

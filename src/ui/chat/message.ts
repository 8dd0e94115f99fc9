// <windrow-message>: one message and what can be done with it. An answer is Markdown, a question is text as it was
// written. Events, all bubbling, with the message's index: again, edit ({ at, text }),
// delete-message.
import { html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, query, state } from 'lit/decorators.js';
import { type Message } from './chat.ts';
import { copyText } from '../page/clipboard.ts';
import { controls } from '../page/controls.ts';
import { icon } from '../page/icons.ts';
import { ofInputMethod } from '../page/keys.ts';
import { beginning, firstPart, longText, sizeOf } from './long-text.ts';
import { partsOf } from './reasoning.ts';
import { MarkdownView } from '../markdown/view.ts';
import { markdownStyles } from '../markdown/styles.ts';
import { messageStyles } from './message-styles.ts';

export class MessageElement extends LitElement {
  @property({ attribute: false }) message!: Message;
  @property({ type: Number }) at = 0;
  @property({ type: Boolean }) writing = false;
  /** Nothing can be changed while an answer is written, or without a model. */
  @property({ type: Boolean }) locked = false;
  /** A question without an answer. */
  @property({ type: Boolean }) open = false;
  @state() private editing = false;
  @state() private copied = false;
  /** The reasoning is unfolded. */
  @state() private unfolded = false;
  /** How much of a long question is shown. */
  @state() private shown = firstPart;
  @query('.answer') private answer!: HTMLElement | null;
  @query('.thoughts') private thoughts!: HTMLElement | null;
  private readonly views = new WeakMap<HTMLElement, MarkdownView>();

  override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has('message')) this.editing = false; // another conversation is shown
  }

  /** Conversations of before have reasoning and answer in one. */
  private get parts(): { reasoning?: string; content: string } {
    const { role, content, reasoning } = this.message;
    return role === 'user' || reasoning !== undefined || this.writing ? this.message : partsOf(content);
  }

  override render(): TemplateResult {
    const { role, note } = this.message;
    const { reasoning, content } = this.parts;
    if (this.editing) return this.renderEditor();
    return html`
      ${reasoning ? this.renderReasoning(content === '') : nothing}
      <div class="text ${role} ${this.writing ? 'writing' : ''}" dir="auto">${
        role === 'user' ? this.renderQuestion(content) : html`<div class="markdown answer"></div>`
      }</div>
      ${this.writing ? nothing : html`<div class="below">${this.renderTools()}${note ? html`<p class="note">${note}</p>` : nothing}</div>`}
    `;
  }

  private renderReasoning(alone: boolean): TemplateResult {
    const thinking = this.writing && alone;
    return html`<details class="reasoning ${thinking ? 'thinking' : ''}"
      @toggle=${({ target }: Event) => (this.unfolded = (target as HTMLDetailsElement).open)}>
      <summary>${thinking ? 'Thinking…' : 'Thoughts'}</summary>
      <div class="markdown thoughts" dir="auto"></div>
    </details>`;
  }

  private renderQuestion(content: string): TemplateResult | string {
    if (content.length <= longText) return content;
    const more = content.length - this.shown;
    return html`${beginning(content, this.shown)}${more <= 0 ? nothing : html`…<span class="more"><span class="quiet">${sizeOf(content)}</span>
      <button @click=${() => (this.shown += longText)}>Show more</button></span>`}`;
  }

  private renderTools(): TemplateResult {
    const own = this.message.role === 'user';
    return html`<div class="tools" role="group" aria-label="Message">
      <button class="plain icon-button" aria-label="Copy" title="Copy" @click=${this.copy}>${icon(this.copied ? 'check' : 'copy')}</button>
      ${
        own
          ? html`${this.open ? html`<button class="plain" ?disabled=${this.locked}
            @click=${() => this.tell('again', { at: this.at })}>Answer</button>` : nothing}
          <button class="plain icon-button" aria-label="Edit" title="Edit and resend"
            ?disabled=${this.locked || this.message.content.length > longText} @click=${this.edit}>${icon('edit')}</button>`
          : html`<button class="plain icon-button" aria-label="Regenerate" title="Regenerate" ?disabled=${this.locked}
            @click=${() => this.tell('again', { at: this.at })}>${icon('again')}</button>`
      }
      <button class="plain icon-button" aria-label="Delete" title="Delete" ?disabled=${this.locked}
        @click=${() => this.tell('delete-message', { at: this.at })}>${icon('trash')}</button>
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
    const { reasoning = '', content } = this.parts;
    if (this.answer) this.show(this.answer, content);
    if (this.thoughts && this.unfolded) this.show(this.thoughts, reasoning);
  }

  private show(container: HTMLElement, text: string): void {
    const view = this.views.get(container) ?? new MarkdownView(container);
    this.views.set(container, view);
    view.show(text, this.writing);
  }

  private async copy(): Promise<void> {
    this.copied = await copyText(this.parts.content);
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
    if (ofInputMethod(event)) return;
    if (event.key === 'Escape') void this.leaveEditor();
    if (event.key === 'Enter' && !event.shiftKey) this.resend(event);
  }

  private tell(event: string, detail: { at: number; text?: string }): void {
    this.dispatchEvent(new CustomEvent(event, { detail, bubbles: true, composed: true }));
  }

  static override styles = [controls, markdownStyles, messageStyles];
}

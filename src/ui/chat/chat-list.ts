// <windrow-chat-list>: the kept conversations. Events: new-chat, open (id), rename ({ id, title }), delete (id),
// export-chats, import-chats (File).
import { html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import { matches, type Chat } from './chat.ts';
import { chatListStyles } from './chat-list-styles.ts';
import { controls } from '../page/controls.ts';
import { icon } from '../page/icons.ts';

export class ChatList extends LitElement {
  @property({ attribute: false }) chats: Chat[] = [];
  @property() current = '';
  @state() private words = '';
  /** The chat whose title is being written. */
  @state() private renamed = '';

  override render(): TemplateResult {
    const found = this.words.trim() ? this.chats.filter((chat) => matches(chat, this.words.trim())) : this.chats;
    return html`
      <nav aria-label="Chats">
        <button class="new" @click=${() => this.tell('new-chat')}>${icon('plus')}New chat</button>
        ${
          this.chats.length > 0
            ? html`<label class="search">${icon('search')}<span class="hidden">Search chats</span>
              <input type="search" placeholder="Search" autocomplete="off" .value=${this.words}
                @input=${(event: Event) => (this.words = (event.target as HTMLInputElement).value)}></label>`
            : nothing
        }
        <p class="hidden" role="status">${this.words.trim() ? `${found.length} found` : nothing}</p>
        <ul>
          ${repeat(
            found,
            ({ id }) => id,
            (chat) => html`<li class=${chat.id === this.current ? 'current' : ''}>${this.renderChat(chat)}</li>`,
          )}
        </ul>
        ${
          found.length
            ? nothing
            : html`<p class="quiet none">${this.words.trim() ? 'Nothing found.' : 'Your chats appear here. They stay in this browser.'}</p>`
        }
        <footer>
          <button class="plain" @click=${this.importFile}>Import</button>
          <button class="plain" ?disabled=${this.chats.length === 0} @click=${() => this.tell('export-chats')}>Export</button>
        </footer>
      </nav>
    `;
  }

  private renderChat({ id, title }: Chat): TemplateResult {
    if (id === this.renamed) {
      return html`<form @submit=${this.rename}>
        <input class="text" name="title" aria-label="Title" dir="auto" maxlength="200" .value=${title}
          @blur=${() => (this.renamed = '')} @keydown=${this.leaveOnEscape}></form>`;
    }
    return html`
      <button class="open" data-id=${id} dir="auto" aria-current=${id === this.current ? 'page' : 'false'} title=${title}
        @click=${() => this.tell('open', id)}>${title}</button>
      <span class="tools">
        <button class="plain icon-button" aria-label="Rename ${title}" title="Rename" @click=${() => this.startRenaming(id)}>${icon('edit')}</button>
        <button class="plain icon-button" aria-label="Delete ${title}" title="Delete" @click=${() => this.delete(id)}>${icon('trash')}</button>
      </span>
    `;
  }

  private async startRenaming(id: string): Promise<void> {
    this.renamed = id;
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLInputElement>('form input')?.select();
  }

  private rename(event: SubmitEvent): void {
    event.preventDefault();
    const title = new FormData(event.target as HTMLFormElement).get('title') as string;
    this.tell('rename', { id: this.renamed, title });
    void this.endRenaming();
  }

  private leaveOnEscape(event: KeyboardEvent): void {
    if (event.key !== 'Escape') return;
    event.preventDefault(); // else it would close the drawer too
    void this.endRenaming();
  }

  private async endRenaming(): Promise<void> {
    const id = this.renamed;
    this.renamed = '';
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>(`.open[data-id="${id}"]`)?.focus();
  }

  /** The focus goes to the chat beside the deleted one. */
  private delete(id: string): void {
    const buttons = [...this.renderRoot.querySelectorAll<HTMLElement>('.open')];
    const at = buttons.findIndex(({ dataset }) => dataset.id === id);
    (buttons[at + 1] ?? buttons[at - 1] ?? this.renderRoot.querySelector<HTMLElement>('.new')).focus();
    this.tell('delete', id);
  }

  private importFile(): void {
    const input = Object.assign(document.createElement('input'), { type: 'file', accept: '.json,application/json' });
    input.onchange = () => input.files?.[0] && this.tell('import-chats', input.files[0]);
    input.click();
  }

  private tell(event: string, detail?: unknown): void {
    this.dispatchEvent(new CustomEvent(event, { detail }));
  }

  static override styles = [controls, chatListStyles];
}

// The conversations of this browser, and the one that is open. View state over the store.
import { type ReactiveController, type ReactiveControllerHost } from 'lit';
import { exportChats, importChats, newChat, titleOf, type Chat, type ChatSettings, type Message } from './chat.ts';
import { openConversations, type ConversationStore } from './conversation-store.ts';

export class Chats implements ReactiveController {
  /** The kept ones, the last changed first. */
  list: Chat[] = [];
  /** Kept as soon as it has a message. */
  open: Chat;
  /** The last deleted one, to be brought back. */
  removed: Chat | null = null;
  error: Error | null = null;

  constructor(
    private readonly host: ReactiveControllerHost,
    /** Settings of a new chat. */
    private readonly settings: Partial<ChatSettings> = {},
    private readonly store: ConversationStore = openConversations(),
  ) {
    this.open = newChat(Date.now(), settings);
    host.addController(this);
  }

  async hostConnected(): Promise<void> {
    await this.store.all().then((list) => this.set({ list }), (error: Error) => this.fail(error));
  }

  start(): Chat {
    const { system, temperature, topP, topK, minP, repeatPenalty, maxTokens } = this.open; // a new chat goes on with what was set
    const kept = this.list.length > 0 || this.open.messages.length > 0 ? { system, temperature, topP, topK, minP, repeatPenalty, maxTokens } : {};
    this.set({ open: newChat(Date.now(), { ...this.settings, ...kept }) });
    return this.open;
  }

  show(id: string): Chat {
    this.set({ open: this.list.find((chat) => chat.id === id) ?? this.open });
    return this.open;
  }

  async keepMessages(messages: Message[]): Promise<void> {
    await this.keep({ ...this.open, messages, title: this.open.title || titleOf(messages), changed: Date.now() });
  }

  async change(settings: Partial<ChatSettings>): Promise<void> {
    await this.keep({ ...this.open, ...settings });
  }

  async rename(id: string, title: string): Promise<void> {
    const chat = this.list.find((each) => each.id === id);
    if (chat && title.trim()) await this.keep({ ...chat, title: title.trim() });
  }

  async remove(id: string): Promise<void> {
    const removed = this.list.find((chat) => chat.id === id) ?? null;
    this.set({ removed, list: this.list.filter((chat) => chat.id !== id) });
    if (this.open.id === id) this.start();
    await this.store.remove(id).catch((error: Error) => this.fail(error));
  }

  /** The notice stays until the chat is stored again. */
  async bringBack(): Promise<void> {
    const { removed } = this;
    if (!removed) return;
    await this.keep(removed);
    if (this.removed === removed) this.set({ removed: null });
  }

  forgetRemoved(): void {
    this.set({ removed: null });
  }

  export(): string {
    return exportChats(this.list);
  }

  async import(file: File): Promise<void> {
    try {
      for (const chat of importChats(await file.text())) await this.keep(chat);
    } catch (error) {
      this.fail(error as Error);
    }
  }

  dismiss(): void {
    this.set({ error: null });
  }

  private async keep(chat: Chat): Promise<void> {
    if (this.open.id === chat.id) this.open = chat;
    const others = this.list.filter(({ id }) => id !== chat.id);
    if (chat.messages.length > 0) this.set({ list: [chat, ...others].sort((a, b) => b.changed - a.changed) });
    else this.set({ list: others });
    const kept = chat.messages.length > 0 ? this.store.put(chat) : this.store.remove(chat.id);
    await kept.catch((error: Error) => this.fail(error));
  }

  private fail(error: Error): void {
    this.set({ error: error instanceof TypeError ? error : new Error(`The browser's storage refused: ${error.message}. Conversations of now are lost when the page closes; export them.`) });
  }

  private set(state: Partial<Chats>): void {
    Object.assign(this, state);
    this.host.requestUpdate();
  }
}

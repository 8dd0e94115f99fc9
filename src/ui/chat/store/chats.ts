// The conversations of this browser, and the one that is open. View state over the store, which other tabs write as well:
// what they do is heard, and where two have gone on with the same conversation it becomes two.
import { type ReactiveController, type ReactiveControllerHost } from 'lit';
import { randomId } from '../../../random.ts';
import { exportChats, importChats, newChat, titleOf, type Chat, type ChatSettings, type Message } from '../chat.ts';
import { openConversations, type ConversationStore } from './conversation-store.ts';

export interface ChatsOptions {
  /** Settings of a new chat. */
  settings?: Partial<ChatSettings>;
  store?: ConversationStore;
  /** Whether an answer is being written in the open chat: what other tabs add to it is then not shown. */
  answering?: () => boolean;
  /** Another tab has gone on with the open chat. */
  onMore?: (messages: Message[]) => void;
}

export class Chats implements ReactiveController {
  /** The kept ones, the last changed first. */
  list: Chat[] = [];
  /** Kept as soon as it has a message. */
  open: Chat;
  /** The last deleted one, to be brought back. */
  removed: Chat | null = null;
  error: Error | null = null;

  private readonly store: ConversationStore;
  private channel: BroadcastChannel | null = null;
  /** Writes and what is heard, one after the other. */
  private queue: Promise<void> = Promise.resolve();
  /** Of each chat, the revision whose messages this tab has; another one in the store has been written by another tab. */
  private readonly seen = new Map<string, number>();
  /** Where a chat went on that another tab had gone on with. */
  private readonly moved = new Map<string, string>();

  constructor(private readonly host: ReactiveControllerHost, private readonly options: ChatsOptions = {}) {
    this.store = options.store ?? openConversations();
    this.open = newChat(Date.now(), options.settings);
    host.addController(this);
  }

  async hostConnected(): Promise<void> {
    this.channel = new BroadcastChannel('windrow-chats');
    this.channel.onmessage = ({ data }: MessageEvent<string>) => void this.inTurn(() => this.hear(data));
    await this.inTurn(async () => {
      const list = await this.store.all();
      for (const chat of list) this.seen.set(chat.id, revisionOf(chat));
      this.set({ list });
    });
  }

  hostDisconnected(): void {
    this.channel?.close();
  }

  start(): Chat {
    const { system, temperature, topP, topK, minP, repeatPenalty, maxTokens } = this.open; // a new chat goes on with what was set
    const kept = this.list.length > 0 || this.open.messages.length > 0 ? { system, temperature, topP, topK, minP, repeatPenalty, maxTokens } : {};
    this.set({ open: newChat(Date.now(), { ...this.options.settings, ...kept }) });
    return this.open;
  }

  show(id: string): Chat {
    this.set({ open: this.list.find((chat) => chat.id === id) ?? this.open });
    return this.open;
  }

  async keepMessages(messages: Message[]): Promise<void> {
    const { open } = this;
    const written = { messages, title: open.title || titleOf(messages), changed: Date.now() };
    this.put({ ...open, ...written });
    await this.inTurn(() => this.writeMessages({ ...open, ...written }));
  }

  async change(settings: Partial<ChatSettings> & Pick<Chat, 'forgets'>): Promise<void> {
    await this.write(this.open, settings);
  }

  async rename(id: string, title: string): Promise<void> {
    const chat = this.list.find((each) => each.id === id);
    if (chat && title.trim()) await this.write(chat, { title: title.trim() });
  }

  async remove(id: string): Promise<void> {
    const removed = this.list.find((chat) => chat.id === id) ?? null;
    this.set({ removed, list: this.list.filter((chat) => chat.id !== id) });
    if (this.open.id === id) this.start();
    await this.inTurn(async () => {
      this.seen.delete(id);
      await this.store.change(id, () => undefined);
      this.tell(id);
    });
  }

  /** The notice stays until the chat is stored again. */
  async bringBack(): Promise<void> {
    const { removed } = this;
    if (!removed) return;
    await this.add(removed);
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
      for (const chat of importChats(await file.text())) await this.add(chat);
    } catch (error) {
      this.fail(error as Error);
    }
  }

  dismiss(): void {
    this.set({ error: null });
  }

  /** A whole chat, as it is. */
  private async add(chat: Chat): Promise<void> {
    this.put(chat);
    await this.inTurn(() => this.writeMessages(chat));
  }

  /** What is no message: the last word of any tab counts. */
  private async write(chat: Chat, changes: Partial<Chat>): Promise<void> {
    this.put({ ...chat, ...changes });
    await this.inTurn(async () => {
      const id = this.moved.get(chat.id) ?? chat.id;
      await this.store.change(id, (stored) => stored && { ...stored, ...changes }); // kept with its first message else
      this.tell(id);
    });
  }

  /** Writes the messages of `chat`; where another tab has written others meanwhile, these become a second chat. */
  private async writeMessages(chat: Chat): Promise<void> {
    const id = this.moved.get(chat.id) ?? chat.id;
    let taken = false;
    await this.store.change(id, (stored) => {
      const known = this.seen.get(id) ?? 0;
      taken = stored !== undefined && revisionOf(stored) !== known;
      if (taken) return stored;
      const { messages, title, changed } = chat;
      return messages.length === 0 ? undefined : { ...(stored ?? chat), id, messages, title: stored?.title || title, changed, revision: known + 1 };
    });
    if (taken) return this.moveOn(chat);
    if (chat.messages.length === 0) this.seen.delete(id);
    else this.seen.set(id, (this.seen.get(id) ?? 0) + 1);
    this.tell(id);
  }

  private async moveOn(chat: Chat): Promise<void> {
    if (chat.messages.length === 0) return;
    const second: Chat = { ...chat, id: randomId(), title: `${chat.title} (2)` };
    const first = this.moved.get(chat.id) ?? chat.id;
    this.moved.set(chat.id, second.id);
    if (this.open.id === first) this.set({ open: { ...this.open, id: second.id, title: second.title } });
    await this.writeMessages(second);
    this.put(second);
    await this.hear(first);
  }

  /** Another tab has written or deleted a chat. */
  private async hear(id: string): Promise<void> {
    const stored = await this.store.get(id);
    const isOpen = this.open.id === id;
    if (!stored) {
      this.seen.delete(id);
      return this.set({ list: this.list.filter((chat) => chat.id !== id) });
    }
    this.set({ list: inOrder([stored, ...this.list.filter((chat) => chat.id !== id)]) });
    if (isOpen && this.options.answering?.()) return; // it will become a second chat
    const more = revisionOf(stored) !== this.seen.get(id);
    this.seen.set(id, revisionOf(stored));
    if (!isOpen) return;
    this.set({ open: stored });
    if (more) this.options.onMore?.(stored.messages);
  }

  /** Into what is shown. */
  private put(chat: Chat): void {
    const others = this.list.filter(({ id }) => id !== chat.id);
    this.set({ list: chat.messages.length > 0 ? inOrder([chat, ...others]) : others, ...(this.open.id === chat.id ? { open: chat } : {}) });
  }

  private tell(id: string): void {
    this.channel?.postMessage(id);
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    return (this.queue = this.queue.then(work).catch((error: Error) => this.fail(error)));
  }

  private fail(error: Error): void {
    this.set({
      error:
        error instanceof TypeError
          ? error
          : new Error(`The browser's storage refused: ${error.message}. Conversations of now are lost when the page closes; export them.`),
    });
  }

  private set(state: Partial<Pick<Chats, 'list' | 'open' | 'removed' | 'error'>>): void {
    Object.assign(this, state);
    this.host.requestUpdate();
  }
}

const revisionOf = ({ revision = 0 }: Chat): number => revision;
const inOrder = (chats: Chat[]): Chat[] => chats.sort((a, b) => b.changed - a.changed);

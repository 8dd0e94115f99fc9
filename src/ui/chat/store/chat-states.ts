// The states of chats that are kept in the browser's storage, so that a chat that is opened again goes on at once: off until the visitor turns
// it on, within a number of bytes that the visitor chooses; the least recently used goes first, and each goes with its chat.
import { type ChatCompletionParams } from '../../../api/completions/chat.ts';
import { type Engine } from '../../../api/engine.ts';
import { openLibrary } from '../../../api/library.ts';
import { type Session } from '../../../api/sessions.ts';
import { type KeptSession } from '../../../protocol.ts';

const key = 'windrow-chat-states';
const prefix = 'chat ';

/** Bytes of all states; the first keeps none. */
export const stateCaps: readonly { value: string; words: string }[] = [
  { value: '', words: 'not kept' },
  { value: '512 MiB', words: 'up to 512 MiB' }, { value: '2 GiB', words: 'up to 2 GiB' }, { value: '8 GiB', words: 'up to 8 GiB' },
];

/** What the visitor chose; '' also where nothing can be remembered (a private window, say). */
export function stateCap(): string {
  try {
    const value = localStorage.getItem(key);
    return stateCaps.find((cap) => cap.value === value)?.value ?? '';
  } catch {
    return '';
  }
}

export class ChatStates {
  /** Why the last state was not kept, for people. */
  problem = '';
  private held?: { engine: Engine; id: string; session: Promise<Session> };
  /** What is being kept: what is removed must not come back by it. */
  private keeping: Promise<void> = Promise.resolve();

  /** What a chat asks: an engine whose answers go on from the chat's state, where these are kept. */
  engineFor(engine: Engine, id: string): Engine {
    if (!stateCap()) return engine;
    const create = async ({ messages, ...params }: ChatCompletionParams): Promise<unknown> => {
      const session = await this.open(engine, id);
      session.messages = messages.slice(0, -1);
      return session.create({ ...params, messages: messages.slice(-1) });
    };
    return { ...engine, info: engine.info, chat: { completions: { create: create as Engine['chat']['completions']['create'] } } };
  }

  /** Brings back the state of a chat that is opened, if one of this model is kept. */
  open(engine: Engine, id: string): Promise<Session> {
    if (this.held?.engine !== engine || this.held.id !== id) {
      void this.close();
      this.held = { engine, id, session: engine.sessions.load(prefix + id).catch(() => engine.sessions.create()) };
    }
    return this.held!.session;
  }

  /** Keeps what a chat has come to, once an answer is there. */
  keep(): Promise<void> {
    const { held } = this;
    const most = stateCap();
    if (!held || !most) return Promise.resolve();
    return (this.keeping = held.session.then((session) => session.save(prefix + held.id, { most })).then(
      () => void (this.problem = ''),
      (error: Error) => void (this.problem = error.message),
    ));
  }

  /** What is kept, of all chats. */
  async kept(engine: Pick<Engine, 'sessions'>): Promise<KeptSession[]> {
    return (await engine.sessions.list()).filter(({ name }) => name.startsWith(prefix));
  }

  /** With a chat its state goes; there is one only where they are kept. */
  async remove(engine: Pick<Engine, 'sessions'> | null, id: string): Promise<void> {
    if (!stateCap()) return;
    await this.keeping;
    if (this.held?.id === id) await this.close();
    if (engine) return engine.sessions.remove(prefix + id);
    const library = openLibrary();
    await library.sessions.remove(prefix + id).finally(() => library.close());
  }

  /** As the visitor chooses: what is beyond goes at once, all of it where nothing is to be kept. */
  async choose(cap: string, engine: Pick<Engine, 'sessions'>, bytes: number): Promise<void> {
    if (cap) localStorage.setItem(key, cap);
    else localStorage.removeItem(key);
    await this.keeping;
    const all = await this.kept(engine);
    let sum = all.reduce((total, { byteLength }) => total + byteLength, 0);
    for (const { name, byteLength } of all) {
      if (sum <= bytes) break;
      await engine.sessions.remove(name);
      sum -= byteLength;
    }
    if (!cap) await this.close();
  }

  private async close(): Promise<void> {
    const session = this.held?.session;
    this.held = undefined;
    await (await session)?.close().catch(() => {}); // an engine that is unloaded has nothing of it
  }
}

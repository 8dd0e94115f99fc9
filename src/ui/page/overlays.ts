// What lies over the page: dialogs and short notices. Templates only.
import { html, nothing, type TemplateResult } from 'lit';
import { type ActivityLog } from '../activity/activity-log.ts';
import { type ChatSettings } from '../chat/chat.ts';
import { type ChatStates } from '../chat/store/chat-states.ts';
import { type Chats } from '../chat/store/chats.ts';
import { type ModelLoader } from '../models/model-loader.ts';
import { type Updates } from './updates.ts';

export type Overlay = 'none' | 'chats' | 'settings' | 'activity';

export interface DialogActions {
  close(): void;
  changeBudget(): void;
  changeMemory(): void;
  reload(retune: boolean): void;
  /** What the visitor says to loading what a link names. */
  linked(load: boolean): void;
  linkSettings: string[];
  states: ChatStates;
}

export function renderDialog(overlay: Overlay, loader: ModelLoader, chats: Chats, log: ActivityLog, actions: DialogActions): TemplateResult | typeof nothing {
  const { passphrase, token, engine, question: link } = loader;
  const question = passphrase.name !== null ? passphrase : token;
  if (question.name !== null) {
    return html`<windrow-secret .kind=${question === token ? 'token' : 'passphrase'} .name=${question.name} ?wrong=${question.wrong}
      @secret=${({ detail }: CustomEvent<string>) => question.answer(detail)} @closed=${() => loader.cancel()}></windrow-secret>`;
  }
  if (link) {
    return html`<windrow-link-question .choice=${link.choice} .bytes=${link.bytes} .problem=${link.problem} .settings=${actions.linkSettings}
      @load=${() => actions.linked(true)} @closed=${() => actions.linked(false)}></windrow-link-question>`;
  }
  if (overlay === 'settings') {
    return html`<windrow-chat-settings .settings=${chats.open} .thinking=${engine?.info.thinking} @closed=${actions.close}
      @change-settings=${({ detail }: CustomEvent<ChatSettings>) => chats.change(detail)}></windrow-chat-settings>`;
  }
  if (overlay !== 'activity' || !engine) return nothing;
  return html`<windrow-activity .engine=${engine} .log=${log} .states=${actions.states} .options=${loader.choices} .budgetNews=${loader.budgetNews}
    @closed=${actions.close} @budget-changed=${actions.changeBudget} @memory-changed=${actions.changeMemory}
    @reload=${({ detail }: CustomEvent<{ retune: boolean }>) => actions.reload(detail.retune)}></windrow-activity>`;
}

export function renderNotices(updates: Updates, chats: Chats, answering: boolean): TemplateResult {
  return html`
    ${
      updates.ready && !answering
        ? html`<windrow-notice .text=${'A new version is ready'} .action=${'Update'} @act=${() => updates.update()}
          @closed=${() => updates.later()}></windrow-notice>`
        : nothing
    }
    ${
      chats.removed
        ? html`<windrow-notice .text=${'Chat deleted'} .action=${'Undo'} @act=${() => chats.bringBack()}
          @closed=${() => chats.forgetRemoved()}></windrow-notice>`
        : nothing
    }
  `;
}

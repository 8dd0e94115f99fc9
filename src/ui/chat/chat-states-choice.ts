// <windrow-chat-states>: whether the states of chats are kept, how many bytes they may have, and how many they do.
import { html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import { type Engine } from '../../api/engine.ts';
import { parseBytes } from '../../bytes.ts';
import { type KeptSession } from '../../protocol.ts';
import { controls } from '../page/controls.ts';
import { formatBytes } from '../page/format.ts';
import { stateCap, stateCaps, type ChatStates } from './store/chat-states.ts';

export class ChatStatesChoice extends LitElement {
  @property({ attribute: false }) engine!: Engine;
  @property({ attribute: false }) states!: ChatStates;
  @state() private kept: KeptSession[] = [];
  /** Why a choice could not be followed. */
  @state() private problem = '';

  override firstUpdated(): void {
    void this.look();
  }

  override render(): TemplateResult {
    const { kept, states } = this;
    const bytes = kept.reduce((sum, { byteLength }) => sum + byteLength, 0);
    return html`
      <label class="field"><span>What the model has read of chats, so that they go on at once when they are opened again</span>
        <select @change=${this.choose}>${stateCaps.map(({ value, words }) => html`<option value=${value}
          ?selected=${value === stateCap()}>${words}</option>`)}</select></label>
      <p class="quiet" role="status">${kept.length ? `${formatBytes(bytes)} kept of ${kept.length} ${kept.length === 1 ? 'chat' : 'chats'}.` : nothing}
        ${this.problem || states.problem}</p>
    `;
  }

  private async look(): Promise<void> {
    this.kept = await this.states.kept(this.engine).catch(() => []); // a frame without storage keeps none
  }

  private async choose({ target }: Event): Promise<void> {
    const select = target as HTMLSelectElement;
    const { value } = select;
    this.problem = '';
    try {
      await this.states.choose(value, this.engine, value ? parseBytes(value, 'most') : 0);
    } catch (error) {
      this.problem = `The browser's storage refused: ${(error as Error).message}.`;
      select.value = stateCap();
    }
    await this.look();
  }

  static override styles = controls;
}

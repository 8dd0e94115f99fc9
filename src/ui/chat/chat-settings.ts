// <windrow-chat-settings>: system prompt and sampling of one conversation, in a dialog. Events: change-settings
// (Partial<ChatSettings>), closed.
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, query } from 'lit/decorators.js';
import { defaultSettings, type ChatSettings } from './chat.ts';
import { type ThinkingSwitch } from '../../protocol.ts';
import { controls } from '../page/controls.ts';

interface Range {
  name: 'temperature' | 'topP' | 'topK' | 'minP' | 'repeatPenalty' | 'maxTokens' | 'seed';
  label: string;
  about: string;
  min: number;
  max: number;
  step: number;
}
const ranges: Range[] = [
  { name: 'temperature', label: 'Temperature', about: '0 always takes the likeliest word', min: 0, max: 2, step: 0.05 },
  { name: 'topP', label: 'Top-p', about: '1 keeps all words', min: 0.01, max: 1, step: 0.01 },
  { name: 'topK', label: 'Top-k', about: '0 keeps all words', min: 0, max: 1000, step: 1 },
  { name: 'minP', label: 'Min-p', about: '0 keeps all words', min: 0, max: 1, step: 0.01 },
  { name: 'repeatPenalty', label: 'Repeat penalty', about: '1 is none; empty: 1.1 for small models', min: 0.1, max: 10, step: 0.05 },
  { name: 'maxTokens', label: 'Longest answer', about: 'tokens; empty for no limit', min: 1, max: 1e6, step: 1 },
  { name: 'seed', label: 'Seed', about: 'the same gives the same; empty for chance', min: 0, max: 2 ** 32 - 1, step: 1 },
];

export class ChatSettingsDialog extends LitElement {
  @property({ attribute: false }) settings: ChatSettings = defaultSettings;
  /** Undefined where the model's chat template cannot switch it. */
  @property({ attribute: false }) thinking?: ThinkingSwitch;
  @query('dialog') private dialog!: HTMLDialogElement;

  override firstUpdated(): void {
    this.dialog.showModal();
  }

  override render(): TemplateResult {
    const { settings, thinking } = this;
    return html`
      <dialog aria-labelledby="heading" @close=${() => this.dispatchEvent(new CustomEvent('closed'))}>
        <form method="dialog" @submit=${this.submit}>
          <h2 id="heading">This chat</h2>
          <label class="field"><span>System prompt</span>
            <textarea name="system" rows="3" dir="auto" placeholder="How the model should answer" .value=${settings.system}></textarea></label>
          ${thinking ? html`<label class="switch"><input type="checkbox" name="think"
            .checked=${settings.think ?? thinking.unasked}> Think before answering</label>` : nothing}
          <div class="numbers">
            ${ranges.map(
              ({ name, label, about, min, max, step }) => html`
              <label class="field"><span>${label}</span>
                <input type="number" name=${name} min=${min} max=${max} step=${step} ?required=${name in defaultSettings}
                  .value=${String(settings[name] ?? '')}>
                <span class="quiet">${about}</span></label>`,
            )}
          </div>
          <div class="buttons">
            <button type="button" class="plain" @click=${this.reset}>Defaults</button>
            <button type="button" @click=${() => this.dialog.close()}>Cancel</button>
            <button class="primary">Apply</button>
          </div>
        </form>
      </dialog>
    `;
  }

  private reset(): void {
    this.settings = { ...defaultSettings, system: this.settings.system, think: this.thinking?.unasked };
  }

  private submit(event: SubmitEvent): void {
    const values = new FormData(event.target as HTMLFormElement);
    const numbers = ranges.map(({ name }) => [name, values.get(name) === '' ? undefined : Number(values.get(name))]);
    const think = this.thinking ? { think: values.has('think') } : {};
    const detail: Partial<ChatSettings> = { system: values.get('system') as string, ...Object.fromEntries(numbers), ...think };
    this.dispatchEvent(new CustomEvent('change-settings', { detail }));
  }

  static override styles = [
    controls,
    css`
      textarea {
        resize: vertical;
        line-height: 1.45;
      }
      .field > span:first-child {
        font-size: var(--text-small);
        font-weight: 600;
      }
      .switch {
        display: flex;
        align-items: center;
        gap: 0.5rem;
      }
      .numbers {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr));
        gap: var(--gap);
      }
      .field .quiet {
        font-size: 0.78rem;
        line-height: 1.35;
      }
      .buttons .plain {
        margin-inline-end: auto;
      }
    `,
  ];
}

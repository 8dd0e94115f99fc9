// <windrow-memory>: how the conversations of the next load are remembered, and in how much room, kept as it is chosen. Event, bubbling: memory-changed.
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property } from 'lit/decorators.js';
import { controls } from '../../page/controls.ts';
import { keepKvBudget, keptKvBudget, kvBudgets, kvBudgetWords } from './kv-budget.ts';
import { keepKv, keptKv, otherChoices, plainChoices, type KvChoice } from './kv-choice.ts';

export class MemoryChoice extends LitElement {
  /** Offers every format and policy, not the plain choices alone. */
  @property({ type: Boolean }) all = false;

  override render(): TemplateResult {
    const kept = keptKv() ?? '';
    const room = keptKvBudget();
    const option = ({ value, words }: KvChoice) => html`<option value=${value} ?selected=${value === kept}>${words}</option>`;
    const others = this.all ? otherChoices : otherChoices.filter(({ value }) => value === kept);
    return html`
      <label class="field"><span>Memory of conversations</span>
        <select name="memory" @change=${this.keep}>
          ${plainChoices.map(option)}
          ${others.length ? html`<optgroup label="Others">${others.map(option)}</optgroup>` : nothing}
        </select>
      </label>
      <label class="field"><span>Room for conversations</span>
        <select name="room" @change=${this.keepRoom}>
          ${kvBudgets.map((each) => html`<option value=${each ?? ''} ?selected=${room === (each && `${each}MiB`)}>${kvBudgetWords(each)}</option>`)}
        </select>
      </label>
    `;
  }

  private keep({ target }: Event): void {
    keepKv((target as HTMLSelectElement).value);
    this.tell();
  }

  private keepRoom({ target }: Event): void {
    keepKvBudget((target as HTMLSelectElement).value);
    this.tell();
  }

  private tell(): void {
    this.dispatchEvent(new CustomEvent('memory-changed', { bubbles: true, composed: true }));
  }

  static override styles = [
    controls,
    css`
      :host {
        display: block;
      }
      span {
        font-weight: 600;
      }
    `,
  ];
}

// <windrow-memory>: how the conversations of the next load are remembered, kept as it is chosen. Event, bubbling: memory-changed.
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property } from 'lit/decorators.js';
import { controls } from '../../page/controls.ts';
import { keepKv, keptKv, otherChoices, plainChoices, type KvChoice } from './kv-choice.ts';

export class MemoryChoice extends LitElement {
  /** Offers every format and policy, not the plain choices alone. */
  @property({ type: Boolean }) all = false;

  override render(): TemplateResult {
    const kept = keptKv() ?? '';
    const option = ({ value, words }: KvChoice) => html`<option value=${value} ?selected=${value === kept}>${words}</option>`;
    const others = this.all ? otherChoices : otherChoices.filter(({ value }) => value === kept);
    return html`
      <label class="field"><span>Memory of conversations</span>
        <select @change=${this.keep}>
          ${plainChoices.map(option)}
          ${others.length ? html`<optgroup label="Others">${others.map(option)}</optgroup>` : nothing}
        </select>
      </label>
    `;
  }

  private keep({ target }: Event): void {
    keepKv((target as HTMLSelectElement).value);
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

// <windrow-budget>: the GPU budget of the next load, as a slider that keeps what is chosen. Event, bubbling: budget-changed.
import { css, html, LitElement, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import { budgets, budgetWords, keepBudget, keptBudget } from './budget.ts';
import { controls } from '../../page/controls.ts';

export class BudgetSlider extends LitElement {
  @property() label = 'GPU budget';
  @state() private step = keptBudget();

  override render(): TemplateResult {
    const words = budgetWords(this.step);
    return html`
      <label for="budget">${this.label}: ${words}</label>
      <input id="budget" type="range" min="0" max=${budgets.length - 1} .value=${String(this.step)} aria-valuetext=${words} @input=${this.move}
        @change=${this.keep}>
    `;
  }

  private move({ target }: Event): void {
    this.step = Number((target as HTMLInputElement).value);
  }

  private keep(): void {
    keepBudget(this.step);
    this.dispatchEvent(new CustomEvent('budget-changed', { bubbles: true, composed: true }));
  }

  static override styles = [
    controls,
    css`
      :host {
        display: block;
      }
      label {
        font-weight: 600;
      }
      input {
        width: 100%;
        min-height: var(--tap);
        margin: 0;
        accent-color: var(--accent);
      }
    `,
  ];
}

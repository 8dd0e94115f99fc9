// <windrow-model-plan>: what a model would take, in words, before it is downloaded. Events: load, cancel.
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property } from 'lit/decorators.js';
import { type ModelPlan } from '../protocol.ts';
import { controls } from './controls.ts';
import { type ModelChoice } from './model-choice.ts';
import { roomWords, verdictWords } from './plan-words.ts';
import { formatBytes } from './format.ts';

export class ModelPlanCard extends LitElement {
  @property({ attribute: false }) choice!: ModelChoice;
  @property({ attribute: false }) plan: ModelPlan | null = null;

  override render(): TemplateResult {
    return html`
      <section aria-labelledby="name" aria-busy=${!this.plan}>
        <h2 id="name">${this.choice.name}</h2>
        ${this.plan ? this.renderPlan(this.plan) : html`<p role="status">Reading the file’s header</p><progress aria-label="Working"></progress>`}
        <div class="buttons">
          ${this.plan && this.plan.verdict !== 'refused'
            ? html`<button class="primary" @click=${() => this.tell('load')}>Download ${formatBytes(this.plan.fileBytes)} and load</button>`
            : nothing}
          <button @click=${() => this.tell('cancel')}>${this.plan?.verdict === 'refused' ? 'Back' : 'Cancel'}</button>
        </div>
      </section>
    `;
  }

  private renderPlan(plan: ModelPlan): TemplateResult {
    return html`
      <p class=${plan.verdict} role="status">${verdictWords(plan)}</p>
      <p class="quiet">${roomWords(plan)}</p>
      ${this.choice.licence ? html`<p class="quiet">Licence: ${this.choice.licence}</p>` : nothing}
    `;
  }

  private tell(event: string): void {
    this.dispatchEvent(new CustomEvent(event));
  }

  static override styles = [
    controls,
    css`
      :host {
        display: block;
        max-width: 34rem;
        margin: 0 auto;
        padding: clamp(1.5rem, 8vh, 5rem) var(--gap) var(--gap-large);
      }
      section {
        display: grid;
        gap: var(--gap-small);
        padding: clamp(1.25rem, 5vw, 2rem);
        border: 1px solid var(--line);
        border-radius: var(--radius);
        background: var(--surface);
        box-shadow: var(--shadow);
      }
      h2 {
        font-size: 1.35rem;
        line-height: 1.3;
        overflow-wrap: anywhere;
      }
      .refused {
        color: var(--danger);
      }
      progress {
        width: 100%;
        accent-color: var(--accent);
      }
      .buttons {
        display: flex;
        flex-wrap: wrap;
        gap: var(--gap-small);
        margin-top: var(--gap-small);
      }
    `,
  ];
}

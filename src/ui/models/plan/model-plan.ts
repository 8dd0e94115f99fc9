// <windrow-model-plan>: what a model would take, in words, before it is loaded; how it is to be kept, and what could go
// to make room. Events: load, cancel, make-room (ids of stored models); from within keeping-changed, memory-changed,
// and budget-changed where not all of it fits.
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property } from 'lit/decorators.js';
import { type ModelPlan, type StoredModel } from '../../../protocol.ts';
import { card } from '../../page/card.ts';
import { controls } from '../../page/controls.ts';
import { formatBytes, formatSince } from '../../page/format.ts';
import { deletable, lackingBytes, plainKeeping, runsUnkept, type Keeping } from '../keeping.ts';
import { type ModelChoice } from '../model-choice.ts';
import { roomWords, verdictWords } from './plan-words.ts';

export class ModelPlanCard extends LitElement {
  @property({ attribute: false }) choice!: ModelChoice;
  @property({ attribute: false }) plan: ModelPlan | null = null;
  @property({ attribute: false }) stored: StoredModel[] = [];
  @property({ attribute: false }) keeping: Keeping = plainKeeping;
  /** What measures the GPU waits for the answer that is being written. */
  @property({ type: Boolean }) answering = false;
  /** Storage refused to take more of it. */
  @property({ type: Boolean }) full = false;
  /** Id of the model that is loaded: it cannot be deleted. */
  @property({ attribute: false }) inUse?: string;

  override render(): TemplateResult {
    const { plan } = this;
    const lacking = plan && plan.verdict !== 'refused' && this.keeping.keep ? lackingBytes(plan, this.full) : 0;
    return html`
      <section class="card" aria-labelledby="name" aria-busy=${!plan}>
        <h2 id="name">${this.choice.name}</h2>
        ${plan ? this.renderPlan(plan, lacking > 0) : html`<p
          role="status">Reading the file’s header${
            this.answering ? ', and waiting for the answer under way to end, as the GPU is measured' : nothing
          }</p><progress aria-label="Working"></progress>`}
        ${lacking > 0 ? this.renderRoom(plan!, lacking) : nothing}
        <div class="buttons">
          ${
            plan && plan.verdict !== 'refused'
              ? html`<button class="primary" ?disabled=${lacking > 0} @click=${() => this.tell('load')}>${this.doing(plan)}</button>`
              : nothing
          }
          <button @click=${() => this.tell('cancel')}>${plan?.verdict === 'refused' ? 'Back' : 'Cancel'}</button>
        </div>
      </section>
    `;
  }

  private doing({ stored, fileBytes }: ModelPlan): string {
    const local = stored || 'file' in this.choice.source || 'files' in this.choice.source;
    return local ? 'Load' : `Download ${formatBytes(fileBytes)} and load`;
  }

  private renderPlan(plan: ModelPlan, lacks: boolean): TemplateResult {
    const { licence, doubt } = this.choice;
    return html`
      <p class=${plan.verdict} role=${plan.verdict === 'refused' ? 'alert' : 'status'}>${verdictWords(plan)}</p>
      ${plan.verdict === 'fits' ? nothing : html`<windrow-budget></windrow-budget>`}
      <windrow-memory></windrow-memory>
      <p class="quiet">${roomWords(plan, this.keeping.keep, lacks)}</p>
      ${licence ? html`<p class="quiet">Licence: ${licence}</p>` : nothing}
      ${doubt ? html`<p class="doubt" role="alert">${doubt}</p>` : nothing}
      ${plan.verdict === 'refused' || plan.stored ? nothing : html`<windrow-keep-options .keeping=${this.keeping}
        .mayGo=${runsUnkept(plan)}></windrow-keep-options>`}
    `;
  }

  /** The models that were not used for longest, offered to be deleted; never done unasked. */
  private renderRoom(plan: ModelPlan, lacking: number): TemplateResult {
    const { storedBytes, freeBytes = 0 } = plan;
    const old = deletable(this.stored, lacking, this.inUse);
    const numbers = this.full
      ? `Takes ${formatBytes(storedBytes)} of storage, and the browser gives no more.`
      : `Needs ${formatBytes(lacking + freeBytes)} of storage, and ${formatBytes(freeBytes)} are free.`;
    if (old.length === 0) {
      const advice = runsUnkept(plan) ? ', or use it without keeping it' : ' or choose a smaller one';
      return html`<p class="refused" role="alert">${numbers} Deleting other models would not make room for it: free space on the disk${advice}.</p>`;
    }
    const bytes = old.reduce((sum, { byteLength }) => sum + byteLength, 0);
    return html`
      <p role="alert">${numbers} Not used for longest:</p>
      <ul>${old.map(({ name, byteLength, lastUsed }) => html`<li>${name} <span
        class="quiet">${formatBytes(byteLength)}, used ${formatSince(lastUsed, Date.now())}</span></li>`)}</ul>
      <div><button class="danger" @click=${() =>
        this.tell(
          'make-room',
          old.map(({ id }) => id),
        )}>Delete ${old.length === 1 ? 'it' : `these ${old.length}`} to free ${formatBytes(bytes)}</button></div>
    `;
  }

  private tell(event: string, detail?: unknown): void {
    this.dispatchEvent(new CustomEvent(event, { detail }));
  }

  static override styles = [
    controls,
    card,
    css`
      .refused,
      .doubt {
        color: var(--danger);
      }
      ul {
        margin: 0;
        padding-inline-start: 1.2rem;
      }
    `,
  ];
}

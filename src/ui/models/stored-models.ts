// <windrow-stored-models>: what the browser keeps, and how much room it takes. Events, bubbling: choose (ModelChoice),
// remove and verify (id).
import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import { type StoredModel } from '../../protocol.ts';
import { controls } from '../page/controls.ts';
import { formatBytes, formatSince } from '../page/format.ts';
import { icon } from '../page/icons.ts';
import { choiceOfStored, choiceOfUnfinished, listedAt, type ModelChoice } from './model-choice.ts';

export class StoredModels extends LitElement {
  @property({ attribute: false }) stored: StoredModel[] = [];
  /** What the page offers: an unfinished download of it goes on as such, its hash checked. */
  @property({ attribute: false }) catalogue: ModelChoice[] = [];
  @property({ attribute: false }) findings: Record<string, string> = {};
  /** The model that may be about to be deleted. */
  @state() private doubted = '';
  @state() private used = 0;
  @state() private quota = 0;
  @state() private persisted = true;

  override async willUpdate(changed: PropertyValues): Promise<void> {
    if (!changed.has('stored') || !navigator.storage) return;
    const { usage = 0, quota = 0 } = await navigator.storage.estimate();
    this.used = usage;
    this.quota = quota;
    this.persisted = await navigator.storage.persisted();
  }

  override render(): TemplateResult {
    return html`
      <h2 id="kept">On this device</h2>
      <ul aria-labelledby="kept">${this.stored.map((model) => this.renderModel(model))}</ul>
      <p class="quiet room">
        <span>${this.quota ? `${formatBytes(this.used)} used of ${formatBytes(this.quota)} that the browser allows.` : nothing}
          ${this.persisted ? 'Kept until you delete it.' : 'The browser may delete it when the disk is full.'}</span>
        ${this.persisted ? nothing : html`<button @click=${this.persist}>Keep for good</button>`}
      </p>
    `;
  }

  private renderModel(model: StoredModel): TemplateResult {
    const { id, byteLength, lastUsed, complete, encrypted } = model;
    const name = this.nameOf(model);
    const facts = [formatBytes(byteLength), complete ? `used ${formatSince(lastUsed, Date.now())}` : 'not complete', ...(encrypted ? ['encrypted'] : [])];
    return html`
      <li>
        <div>
          <span class="name">${name}</span>
          <span class="quiet">${facts.join(' · ')}</span>
          <span class="quiet" role="status">${this.findings[id] ?? nothing}</span>
        </div>
        ${id === this.doubted
          ? html`
              <button class="danger" aria-label="Delete ${name} for good" @click=${() => this.tell('remove', id)}>Delete</button>
              <button aria-label="Keep ${name}" @click=${() => this.doubt('', id)}>Keep</button>`
          : this.renderActions(model)}
      </li>
    `;
  }

  /** As the list has it: what files say of themselves is often not for people. */
  private nameOf({ name, urls }: StoredModel): string {
    return listedAt(this.catalogue, urls)?.name ?? name;
  }

  private renderActions(model: StoredModel): TemplateResult {
    const { id, complete } = model;
    const name = this.nameOf(model);
    const choice = complete ? { ...choiceOfStored(model), name } : choiceOfUnfinished(model, this.catalogue, document.baseURI);
    return html`
      <button class="plain icon-button" aria-label="Verify ${name}" title="Check every byte" ?disabled=${!complete}
        @click=${() => this.tell('verify', id)}>${icon('check')}</button>
      <button class="plain icon-button" data-id=${id} aria-label="Delete ${name}" title="Delete" @click=${() => this.doubt(id)}>${icon('trash')}</button>
      ${choice ? html`<button aria-label="${complete ? 'Load' : 'Continue'} ${name}"
        @click=${() => this.tell('choose', choice)}>${complete ? 'Load' : 'Continue'}</button>` : nothing}
    `;
  }

  /** Asks before a model is deleted, which may have been a long download; with '' takes the question back. */
  private async doubt(id: string, back = id): Promise<void> {
    this.doubted = id;
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>(id ? '.danger' : `[data-id="${back}"]`)?.focus();
  }

  private async persist(): Promise<void> {
    this.persisted = await navigator.storage.persist();
  }

  private tell(event: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(event, { detail, bubbles: true, composed: true }));
  }

  static override styles = [
    controls,
    css`
      h2 {
        margin-bottom: var(--gap-small);
        font-size: 1rem;
      }
      ul {
        margin: 0;
        padding: 0;
        list-style: none;
      }
      li {
        display: flex;
        align-items: center;
        gap: 0.25rem;
        padding: 0.55rem 0;
        border-block: 1px solid var(--line);
        margin-top: -1px;
        line-height: 1.4;
      }
      div {
        display: grid;
        flex: 1;
        min-width: 0;
      }
      .name {
        overflow-wrap: anywhere;
      }
      .room {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: space-between;
        gap: var(--gap-small);
        padding-top: var(--gap-small);
      }
    `,
  ];
}

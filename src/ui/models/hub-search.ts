// <windrow-hub-search>: looks for models on the hub. Loaded when the visitor opens it; asks the hub when the visitor sends words, and
// only then. Event: choose (ModelChoice), bubbling.
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import { type HubListing, type KnownHubResult } from '../../protocol.ts';
import { controls } from '../page/controls.ts';
import { formatBytes } from '../page/format.ts';
import { type LookedInto, type ModelChoice } from './model-choice.ts';
import { fileWords, resultWords } from './hub-words.ts';

const reading = 'Reading its header…';

export class HubSearch extends LitElement {
  @property({ attribute: false }) search: (words: string) => Promise<KnownHubResult[]> = () => Promise.resolve([]);
  @property({ attribute: false }) lookInto!: (repo: string) => Promise<LookedInto>;
  @state() private results: KnownHubResult[] = [];
  /** What is under way, or came of it, in words. */
  @state() private news = '';
  /** What was found in a repository, or why it cannot be used, by its name. */
  @state() private looked: ReadonlyMap<string, LookedInto | string> = new Map();
  /** The last of several searches. */
  private asked: object | null = null;

  override render(): TemplateResult {
    return html`
      <form role="search" @submit=${this.submit}>
        <label class="hidden" for="words">Words to search models by</label>
        <input id="words" name="words" type="search" class="text" autocomplete="off" required placeholder="qwen3 4b" aria-describedby="told">
        <button>Search</button>
      </form>
      <p class="quiet" id="told">The words go to huggingface.co when you search; nothing before. A model's header is read when you look at its sizes.</p>
      <p class="quiet" role="status">${this.news}</p>
      ${this.results.length > 0 ? html`<ul aria-label="Found models">${this.results.map((result) => this.renderResult(result))}</ul>` : nothing}
    `;
  }

  private renderResult(result: KnownHubResult): TemplateResult {
    const { repo, supported } = result;
    const looked = this.looked.get(repo);
    const isDone = supported === false || looked === reading || typeof looked === 'object'; // what failed may be tried again
    return html`
      <li>
        <div class="row">
          <div><span>${repo}</span><span class="quiet">${resultWords(result)}</span></div>
          ${isDone ? nothing : html`<button aria-label="Sizes of ${repo}" @click=${() => this.look(repo)}>Sizes</button>`}
        </div>
        ${typeof looked === 'string' ? html`<p class="quiet" role="status">${looked}</p>` : looked ? this.renderFiles(looked) : nothing}
      </li>
    `;
  }

  private renderFiles(looked: LookedInto): TemplateResult {
    const { repo, files } = looked.listing;
    return html`<ul aria-label="Sizes of ${repo}">${files.map((file) => html`
      <li class="row">
        <div><span>${file.name} · ${formatBytes(file.bytes)}</span><span class="quiet">${fileWords(file, looked.plan)}</span></div>
        <button aria-label="Look at ${file.name} of ${repo}" @click=${() => this.choose(repo, file)}>Look</button>
      </li>`)}</ul>`;
  }

  private choose(repo: string, { name, source, bytes }: HubListing['files'][number]): void {
    const choice: ModelChoice = { name: `${repo} ${name}`, source, bytes };
    this.dispatchEvent(new CustomEvent('choose', { detail: choice, bubbles: true, composed: true }));
  }

  private async submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const words = new FormData(event.target as HTMLFormElement).get('words') as string;
    const asked = (this.asked = {});
    this.news = 'Searching…';
    const found = await this.search(words).catch((error: Error) => error);
    if (this.asked !== asked) return;
    this.results = found instanceof Error ? [] : found;
    this.looked = new Map();
    this.news = found instanceof Error ? found.message : found.length > 0 ? '' : 'The hub has no GGUF models for these words.';
  }

  private async look(repo: string): Promise<void> {
    this.note(repo, reading);
    this.note(repo, await this.lookInto(repo).catch((error: Error) => error.message));
  }

  private note(repo: string, found: LookedInto | string): void {
    this.looked = new Map([...this.looked, [repo, found]]);
  }

  static override styles = [
    controls,
    css`
      :host {
        display: grid;
        gap: var(--gap-small);
      }
      form {
        display: flex;
        gap: var(--gap-small);
      }
      input.text {
        flex: 1 1 14rem;
        width: auto;
        min-width: 0;
      }
      p {
        margin: 0;
      }
      p:empty {
        display: none;
      }
      ul {
        margin: 0;
        padding: 0;
        list-style: none;
      }
      ul ul {
        padding-left: var(--gap);
      }
      li {
        padding: 0.55rem 0;
        border-top: 1px solid var(--line);
        line-height: 1.4;
      }
      .row {
        display: flex;
        align-items: center;
        gap: var(--gap);
      }
      .row div {
        display: grid;
        flex: 1;
        min-width: 0;
        overflow-wrap: anywhere;
      }
    `,
  ];
}

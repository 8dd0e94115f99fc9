// <windrow-activity>: what the model is doing, in a dialog that loads when it is first opened. Events: closed, reload (detail.retune: choose kernels anew).
import { html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, query, state } from 'lit/decorators.js';
import { type Engine } from '../../api/engine.ts';
import { type EngineStats, type OnDemandPlan } from '../../protocol.ts';
import { Check } from './activity-check.ts';
import { bytesPerToken, gpuBytesOf, itemsThereShare, stalledShare, tokensPerSecond, type ActivityLog, type Sample } from './activity-log.ts';
import { Plot, type Line } from './activity-plot.ts';
import { activityStyles } from './activity-styles.ts';
import { type ChatStates } from '../chat/store/chat-states.ts';
import { ChatStatesChoice } from '../chat/chat-states-choice.ts';
import { controls } from '../page/controls.ts';
import { formatBytes, formatSeconds, formatShare, formatSpeed } from '../page/format.ts';
import { type LoadChoices } from '../models/model-loader.ts';
import { Kept } from './kept-slots.ts';
import { itemName, lastAnswer } from './report.ts';

const everyMs = 1000;

export class Activity extends LitElement {
  @property({ attribute: false }) engine!: Engine;
  @property({ attribute: false }) log!: ActivityLog;
  @property({ attribute: false }) states!: ChatStates;
  /** As the model was loaded. */
  @property({ attribute: false }) options: LoadChoices = {};
  /** What came of the budget that was chosen last. */
  @property() budgetNews = '';
  @state() private evaluates = false;
  @state() private evaluationNews = '';
  @query('dialog') private dialog!: HTMLDialogElement;
  private timer: ReturnType<typeof setInterval> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.timer = setInterval(() => this.requestUpdate(), everyMs);
    void this.log.follow(this.engine, () => this.isConnected);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.timer);
  }

  override firstUpdated(): void {
    this.dialog.showModal();
  }

  override render(): TemplateResult {
    const { info } = this.engine;
    const stats = this.log.samples.at(-1)?.stats;
    return html`
      <dialog aria-labelledby="heading" @close=${() => this.dispatchEvent(new CustomEvent('closed'))}>
        <header>
          <h2 id="heading">What the model is doing</h2>
          <button @click=${() => this.dialog.close()}>Close</button>
        </header>
        ${this.renderSpeeds(stats)}
        ${stats ? this.renderBytes(stats) : nothing}
        <section aria-label="Memory">
          <windrow-budget></windrow-budget>
          <p class="quiet" role="status">${this.budgetNews}</p>
          <windrow-memory all></windrow-memory>
          <p class="quiet">It holds from the next load on.</p>
          <windrow-chat-states .engine=${this.engine} .states=${this.states}></windrow-chat-states>
          <button @click=${() => this.reload(false)}>Load the model again</button>
          <button class="plain" @click=${() => this.reload(true)}>Load again and choose kernels anew</button>
        </section>
        <section aria-label="Device">
          <h3>Device and kernels</h3>
          <p>${info.adapter}</p>
          <dl>${Object.entries(info.device).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
          <p class="quiet">Kernels: ${Object.entries(info.kernels)
            .map(([name, value]) => `${name} ${value}`)
            .join(' · ')}</p>
          ${(info.warnings ?? []).map((warning) => html`<p>${warning}</p>`)}
        </section>
        <section aria-label="Evaluation">
          <h3>How good is it?</h3>
          ${this.evaluates
            ? html`<windrow-evaluation .engine=${this.engine} .options=${this.options}></windrow-evaluation>`
            : html`<button @click=${this.openEvaluation}>Measure it on a text</button>
                <p class="quiet" role="status">${this.evaluationNews}</p>`}
        </section>
        <section aria-label="Checks">
          <h3>Something wrong?</h3>
          <windrow-check .engine=${this.engine} .log=${this.log}></windrow-check>
          <p><a href="bench.html">The benchmark</a> measures a model at length, kernel by kernel.</p>
        </section>
      </dialog>
    `;
  }

  private renderSpeeds(stats: EngineStats | undefined): TemplateResult {
    const { samples, answers } = this.log;
    const streams = (stats?.transfer?.uploadedBytes ?? 0) > 0;
    const firstTokens = answers.map((answer) => answer.stats.prefillMs / 1000);
    return html`<section aria-label="Answers">
      ${answers.length > 0
        ? html`<dl>${lastAnswer(answers, stats?.onDemand).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`
        : html`<p class="quiet">Ask something, and its speed appears here.</p>`}
      <div class="plots">
        ${plot('Tokens per second', [{ values: tokensPerSecond(samples) }], formatSpeed)}
        ${plot('Time to first token, by answer', [{ values: firstTokens }], formatSeconds)}
        ${streams ? renderStreamed(samples, stats?.onDemand) : nothing}
      </div>
    </section>`;
  }

  private renderBytes({ gpuBytes, budgetBytes, kept }: EngineStats): TemplateResult {
    const { samples } = this.log;
    const purposes = Object.entries(gpuBytes).filter(([, bytes]) => bytes > 0);
    const lines: Line[] = [{ values: samples.map(({ stats }) => gpuBytesOf(stats)) }, { values: samples.map(() => budgetBytes), quiet: true }];
    return html`<section aria-label="GPU memory">
      <h3>GPU memory: ${formatBytes(purposes.reduce((sum, [, bytes]) => sum + bytes, 0))} of a budget of ${formatBytes(budgetBytes)}</h3>
      <dl>${purposes.map(
        ([name, bytes]) => html`
        <div><dt>${purposeWords[name] ?? name}</dt><dd>${formatBytes(bytes)}<meter min="0" max=${budgetBytes} .value=${bytes}
          aria-label=${name}></meter></dd></div>`,
      )}
      </dl>
      <div class="plots">
        ${plot('In use, and the budget', lines, formatBytes)}
        ${plot('Keys and values', [{ values: samples.map(({ stats }) => stats.gpuBytes.kv ?? 0) }], formatBytes)}
      </div>
      ${kept ? html`<windrow-kept .kept=${kept}></windrow-kept>` : nothing}
    </section>`;
  }

  /** What evaluates comes when it is asked for: few visitors do. */
  private async openEvaluation(): Promise<void> {
    const loaded = await import('./evaluation-form.ts').catch(() => null);
    if (loaded && !customElements.get('windrow-evaluation')) customElements.define('windrow-evaluation', loaded.EvaluationForm);
    if (loaded) this.evaluates = true;
    else this.evaluationNews = 'This part of the page could not be loaded. Check the connection.';
  }

  private reload(retune: boolean): void {
    this.dispatchEvent(new CustomEvent('reload', { detail: { retune } }));
  }

  static override styles = [controls, activityStyles];
}

/** The ledger's purposes, as people say. */
const purposeWords: Record<string, string> = { kv: 'keys and values', draft: 'model that drafts' };

const plot = (label: string, lines: Line[], format: Plot['format']): TemplateResult =>
  html`<figure><figcaption>${label}</figcaption><windrow-plot .label=${label} .lines=${lines} .format=${format}></windrow-plot></figure>`;

/** What weights that do not stay on the GPU cost: bytes of each token and the tiers they came from, waits, and how many experts were there already. */
const renderStreamed = (samples: Sample[], onDemand: OnDemandPlan | undefined): TemplateResult => {
  const expected = (value: number): Line => ({ values: samples.slice(1).map(() => value), quiet: true });
  const uploaded = [{ values: bytesPerToken(samples, 'uploadedBytes') }, ...(onDemand ? [expected(onDemand.fetchedBytes)] : [])];
  return html`
    ${plot(onDemand ? 'Streamed per token, and what was expected' : 'Streamed per token', uploaded, formatBytes)}
    ${plot('... read from storage', [{ values: bytesPerToken(samples, 'storeBytes') }], formatBytes)}
    ${plot('... taken from worker memory', [{ values: bytesPerToken(samples, 'memoryBytes') }], formatBytes)}
    ${onDemand
      ? plot(`${itemName(onDemand.of)} on the GPU when used, and as expected`, [{ values: itemsThereShare(samples) }, expected(onDemand.hitRate)], formatShare)
      : nothing}
    ${plot('Stalls: GPU waiting for weights', [{ values: stalledShare(samples) }], formatShare)}`;
};

customElements.define('windrow-plot', Plot);
customElements.define('windrow-kept', Kept);
customElements.define('windrow-check', Check);
customElements.define('windrow-chat-states', ChatStatesChoice);
customElements.define('windrow-activity', Activity);

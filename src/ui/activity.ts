// <windrow-activity>: what the model is doing, in a dialog that loads when it is first opened. Events: closed,
// budget-changed (a step of the slider), reload.
import { html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, query, state } from 'lit/decorators.js';
import { type Engine } from '../api/engine.ts';
import { type EngineStats, type SelfTestResult } from '../protocol.ts';
import { Plot } from './activity-plot.ts';
import { activityStyles } from './activity-styles.ts';
import { budgets, budgetWords, keepBudget, keptBudget } from './budget.ts';
import { controls } from './controls.ts';
import { formatBytes, formatSpeed } from './format.ts';
import { lastAnswer, report, speedOf, type Answer } from './report.ts';

const everyMs = 1000;
const mostSamples = 120;

export class Activity extends LitElement {
  @property({ attribute: false }) engine!: Engine;
  @property({ attribute: false }) answers: Answer[] = [];
  @state() private stats: EngineStats | null = null;
  @state() private gpuBytes: number[] = [];
  @state() private budget = keptBudget();
  @state() private tested: SelfTestResult[] | null = null;
  @state() private words = '';
  @query('dialog') private dialog!: HTMLDialogElement;
  private timer: ReturnType<typeof setTimeout> | undefined;

  override firstUpdated(): void {
    this.dialog.showModal();
    void this.sample();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.timer);
  }

  /** Not by an interval: a busy worker answers late. */
  private async sample(): Promise<void> {
    const stats = await this.engine.stats().catch(() => null);
    if (!stats || !this.isConnected) return;
    this.stats = stats;
    this.gpuBytes = [...this.gpuBytes, Object.values(stats.gpuBytes).reduce((a, b) => a + b, 0)].slice(-mostSamples);
    this.timer = setTimeout(() => void this.sample(), everyMs);
  }

  override render(): TemplateResult {
    const { info } = this.engine;
    const speeds = this.answers.map(({ stats }) => speedOf(stats));
    return html`
      <dialog aria-labelledby="heading" @close=${() => this.dispatchEvent(new CustomEvent('closed'))}>
        <header>
          <h2 id="heading">What the model is doing</h2>
          <button @click=${() => this.dialog.close()}>Close</button>
        </header>
        <section aria-label="Answers">
          <h3>Tokens per second, by answer</h3>
          ${speeds.length > 0
            ? html`<windrow-plot .label=${'Tokens per second'} .values=${speeds} .format=${formatSpeed}></windrow-plot>
                <dl>${lastAnswer(this.answers).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`
            : html`<p class="quiet">Ask something, and its speed appears here.</p>`}
        </section>
        ${this.stats ? this.renderBytes(this.stats) : nothing}
        <section aria-label="Budget">
          <h3 id="budget">GPU budget of the next load: ${budgetWords(this.budget)}</h3>
          <input type="range" aria-labelledby="budget" min="0" max=${budgets.length - 1} .value=${String(this.budget)} aria-valuetext=${budgetWords(this.budget)} @input=${this.setBudget}>
          <button @click=${() => this.dispatchEvent(new CustomEvent('reload'))}>Load the model again</button>
        </section>
        <section aria-label="Device">
          <h3>Device and kernels</h3>
          <p class="quiet">${info.adapter}<br>${Object.entries(info.variants).map(([name, value]) => `${name} ${value}`).join(' · ')}</p>
          <div class="buttons">
            <button ?disabled=${this.words !== ''} @click=${this.test}>Run the self-test</button>
            <button @click=${this.copy}>Copy a report</button>
          </div>
          <p class="quiet" role="status">${this.words}${this.testWords}</p>
        </section>
      </dialog>
    `;
  }

  private renderBytes({ gpuBytes, gpuBytesPeak, budgetBytes }: EngineStats): TemplateResult {
    const purposes = Object.entries(gpuBytes).filter(([, bytes]) => bytes > 0);
    return html`<section aria-label="GPU memory">
      <h3>GPU memory: ${formatBytes(purposes.reduce((sum, [, bytes]) => sum + bytes, 0))} of ${formatBytes(budgetBytes)}</h3>
      <dl>${purposes.map(([name, bytes]) => html`
        <div><dt>${name}</dt><dd>${formatBytes(bytes)}</dd><meter min="0" max=${gpuBytesPeak} .value=${bytes} aria-label=${name}></meter></div>`)}
      </dl>
      <windrow-plot .label=${'GPU memory'} .values=${this.gpuBytes} .format=${formatBytes}></windrow-plot>
    </section>`;
  }

  private get testWords(): string {
    if (this.words || !this.tested) return '';
    const failed = this.tested.filter(({ passed }) => !passed);
    return failed.length > 0 ? `Failed: ${failed.map(({ name }) => name).join(', ')}` : `All ${this.tested.length} checks passed.`;
  }

  private setBudget({ target }: Event): void {
    this.budget = Number((target as HTMLInputElement).value);
    keepBudget(this.budget);
  }

  private async test(): Promise<void> {
    this.words = 'Checking every kernel…';
    this.tested = await this.engine.selfTest().catch((error: Error) => [{ name: error.message, passed: false }]);
    this.words = '';
  }

  private async copy(): Promise<void> {
    if (!this.stats) return;
    const text = report(this.engine.info, this.stats, this.answers, navigator.userAgent, this.tested);
    this.words = await navigator.clipboard.writeText(text).then(() => 'Copied. ', () => 'The browser did not allow it. ');
    setTimeout(() => (this.words = ''), 2000);
  }

  static override styles = [controls, activityStyles];
}

customElements.define('windrow-plot', Plot);
customElements.define('windrow-activity', Activity);

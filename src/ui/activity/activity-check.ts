// <windrow-check>: a button that runs the self-test and the short benchmark and copies a report of all that is known, for
// a bug report. Property `log` gives the answers so far.
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import { type Engine } from '../../api/engine.ts';
import { type ActivityLog } from './activity-log.ts';
import { benchmarkLines, runBenchmark } from './benchmark.ts';
import { copyText } from '../page/clipboard.ts';
import { controls } from '../page/controls.ts';
import { report, type Checked } from './report.ts';

export class Check extends LitElement {
  @property({ attribute: false }) engine!: Engine;
  @property({ attribute: false }) log!: ActivityLog;
  @state() private checked: Checked = { tested: null, benchmark: null };
  /** What is being done. */
  @state() private doing = '';
  @state() private failure = '';
  /** The report, once there is one. */
  @state() private text = '';
  @state() private copied = false;

  override render(): TemplateResult {
    return html`
      <div class="buttons">
        <button ?disabled=${this.doing !== ''} @click=${this.run}>Test, measure and copy a report</button>
        <button class="plain" ?disabled=${this.doing !== ''} @click=${this.tell}>Copy a report as it is</button>
      </div>
      <div class="quiet" role="status">${this.doing ? html`<p>${this.doing}</p>` : this.lines.map((line) => html`<p>${line}</p>`)}</div>
      ${this.text && !this.doing ? html`<textarea readonly rows="6" aria-label="Report" .value=${this.text}></textarea>` : nothing}
    `;
  }

  private get lines(): string[] {
    const { tested, benchmark } = this.checked;
    const failed = tested?.filter(({ passed }) => !passed) ?? [];
    return [
      ...(this.failure ? [this.failure] : []),
      ...(tested ? [failed.length > 0 ? `Failed: ${failed.map(({ name }) => name).join(', ')}.` : `All ${tested.length} checks passed.`] : []),
      ...(benchmark ? benchmarkLines(benchmark).map((line) => `${line[0].toUpperCase()}${line.slice(1)}.`) : []),
      ...(this.text ? [this.copied ? 'The report is copied.' : 'The browser did not allow copying: take the report from here.'] : []),
    ];
  }

  private async run(): Promise<void> {
    this.failure = '';
    try {
      this.doing = 'Measuring the device and the model…';
      const benchmark = await runBenchmark(this.engine);
      this.doing = 'Checking every kernel…';
      this.checked = { tested: null, benchmark };
      this.checked = { tested: await this.engine.selfTest(), benchmark };
    } catch (error) {
      this.failure = (error as Error).message;
    }
    await this.tell();
  }

  private async tell(): Promise<void> {
    const stats = await this.engine.stats().catch(() => null);
    this.doing = '';
    if (!stats) return;
    this.text = report(this.engine.info, stats, this.log.answers, navigator.userAgent, this.checked);
    this.copied = await copyText(this.text); // the click may be too long ago
  }

  static override styles = [
    controls,
    css`
      .buttons {
        display: flex;
        flex-wrap: wrap;
        gap: var(--gap-small);
        margin-bottom: var(--gap-small);
      }
      textarea {
        width: 100%;
        margin-top: var(--gap-small);
        padding: 0.6rem 0.8rem;
        border: 1px solid var(--line);
        border-radius: var(--radius-small);
        background: var(--code);
        font: 0.78rem / 1.5 var(--font-code);
        resize: vertical;
      }
    `,
  ];
}

// <windrow-load-progress>: how far a load is. Events: cancel, pause (true or false).
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property } from 'lit/decorators.js';
import { type LoadProgress as Progress } from '../../protocol.ts';
import { card } from '../page/card.ts';
import { controls } from '../page/controls.ts';
import { formatBytes, formatDuration } from '../page/format.ts';

export class LoadProgress extends LitElement {
  @property() name = '';
  @property({ attribute: false }) progress: Progress | null = null;
  @property({ type: Number }) bytesPerSecond = 0;
  @property({ type: Boolean }) paused = false;
  /** From a file of this device: nothing is downloaded. */
  @property({ type: Boolean }) local = false;

  override render(): TemplateResult {
    const { progress, paused } = this;
    const weights = progress?.phase === 'weights' && progress.totalBytes > 0;
    const downloading = weights && !progress.fromStore && progress.loadedBytes < progress.totalBytes;
    return html`
      <section class="card" aria-busy="true" aria-labelledby="name">
        <h2 id="name">${this.name}</h2>
        <p role="status">${paused ? 'Paused' : phaseWords(progress, this.local)}</p>
        ${weights
          ? html`<progress aria-label="Weights" .value=${progress.loadedBytes} .max=${progress.totalBytes}></progress>`
          : html`<progress aria-label="Working"></progress>`}
        <p class="quiet numbers">${weights ? this.numbers(progress) : nothing}</p>
        ${progress?.notice ? html`<p class="quiet" role="status">${progress.notice}</p>` : nothing}
        <div class="buttons">
          ${downloading
            ? html`<button @click=${() => this.dispatchEvent(new CustomEvent('pause', { detail: !paused }))}>${paused ? 'Resume' : 'Pause'}</button>`
            : nothing}
          <button @click=${() => this.dispatchEvent(new CustomEvent('cancel'))}>Cancel</button>
        </div>
      </section>
    `;
  }

  private numbers({ loadedBytes, totalBytes, secondsLeft }: Progress): string {
    const parts = [`${formatBytes(loadedBytes)} of ${formatBytes(totalBytes)}`];
    if (this.bytesPerSecond > 0 && !this.paused) {
      parts.push(`${formatBytes(this.bytesPerSecond)}/s`);
      if (loadedBytes < totalBytes) parts.push(`${formatDuration(secondsLeft ?? (totalBytes - loadedBytes) / this.bytesPerSecond)} left`);
    }
    return parts.join(' · ');
  }

  static override styles = [
    controls,
    card,
    css`
      .numbers {
        min-height: 1.6em;
        font-variant-numeric: tabular-nums;
      }
    `,
  ];
}

function phaseWords(progress: Progress | null, local: boolean): string {
  if (progress?.waiting) return 'Waiting for another tab that is importing this model';
  switch (progress?.phase) {
    case 'weights':
      return progress.fromStore ? 'Reading from this browser’s storage' : local ? 'Reading the file' : 'Downloading';
    case 'kernels':
      return 'Preparing the GPU';
    case 'ready':
      return 'Ready';
    default:
      return 'Reading the file’s header';
  }
}

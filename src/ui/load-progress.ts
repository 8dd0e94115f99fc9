// <windrow-load-progress>: how far a load is. Events: cancel, pause (true or false).
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property } from 'lit/decorators.js';
import { type LoadProgress as Progress } from '../protocol.ts';
import { controls } from './controls.ts';
import { formatBytes, formatDuration } from './format.ts';

export class LoadProgress extends LitElement {
  @property() name = '';
  @property({ attribute: false }) progress: Progress | null = null;
  @property({ type: Number }) bytesPerSecond = 0;
  @property({ type: Boolean }) paused = false;

  override render(): TemplateResult {
    const { progress, paused } = this;
    const weights = progress?.phase === 'weights' && progress.totalBytes > 0;
    const downloading = weights && !progress.fromStore && progress.loadedBytes < progress.totalBytes;
    return html`
      <section aria-busy="true" aria-labelledby="name">
        <h2 id="name">${this.name}</h2>
        <p role="status">${paused ? 'Paused' : phaseWords(progress)}</p>
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
      progress {
        width: 100%;
        height: 0.5rem;
        margin-top: var(--gap-small);
        accent-color: var(--accent);
      }
      .numbers {
        min-height: 1.6em;
        font-variant-numeric: tabular-nums;
      }
      .buttons {
        display: flex;
        gap: var(--gap-small);
      }
    `,
  ];
}

function phaseWords(progress: Progress | null): string {
  if (progress?.waiting) return 'Waiting for another tab that is importing this model';
  switch (progress?.phase) {
    case 'weights':
      return progress.fromStore ? 'Reading from this browser’s storage' : 'Downloading';
    case 'kernels':
      return 'Preparing the GPU';
    case 'ready':
      return 'Ready';
    default:
      return 'Reading the file’s header';
  }
}

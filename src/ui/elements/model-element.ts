// <windrow-model>: the loading part alone, for pages with their own chat. Asks, shows progress, then shows nothing.
import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { property } from 'lit/decorators.js';
import { type Engine } from '../../api/engine.ts';
import { hasCode } from '../../errors.ts';
import { controls } from '../page/controls.ts';
import { hostTheme } from '../page/host-theme.ts';
import { choiceOfText } from '../models/model-choice.ts';
import { SharedModel } from './shared-model.ts';

const reloading = ['model', 'budget', 'workerSrc'] as const;

/** As people call it; what is no address is named as it was written, and refused when it is loaded. */
function nameOf(model: string): string {
  try {
    return model && choiceOfText(model, document.baseURI).name;
  } catch {
    return model;
  }
}

/**
 * @tag windrow-model
 * @slot start - In place of the words above the button.
 * @slot - Shown once the model is loaded.
 * @csspart load - The button that loads the model.
 * @fires windrow-progress - Of the load: a LoadProgress.
 * @fires windrow-ready - The model is loaded: { info, engine }.
 * @fires windrow-error - What went wrong: { error }.
 */
export class WindrowModel extends LitElement {
  /** Address of a GGUF, or owner/repo[:quantisation] on a model hub. */
  @property() model = '';
  /** Most GPU bytes, as in `2GiB`. Default: windrow's own choice. */
  @property() budget?: string;
  /** `light` or `dark`; without it, as the page or the system has it. */
  @property({ reflect: true }) theme?: 'light' | 'dark';
  /** Loads without being asked, a download too. */
  @property({ type: Boolean }) autoload = false;
  /** Address of windrow's worker.js on the page's own origin, for pages whose policy asks for it. */
  @property({ attribute: 'worker-src' }) workerSrc?: string;

  private readonly shared = new SharedModel(this);

  /** The loaded engine: `engine.chat.completions.create(...)`. */
  get engine(): Engine | null {
    return this.shared.engine;
  }

  /** Loads the model, once for all elements of the page that name it. Rejects with windrow's errors. */
  load(): Promise<Engine> {
    return this.shared.load(this);
  }

  /** To be called when a call of the engine failed: if the GPU or the worker is gone, the model is offered to be loaded again. */
  report(error: Error): void {
    if (error.name === 'DeviceError' || hasCode(error, 'not_loaded')) this.shared.lose(error);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.hasUpdated && this.autoload) this.start(); // it was taken out of the page, and put back
  }

  /** Another model, or the same with another budget: the one that was loaded or is being loaded is let go. */
  override willUpdate(changed: PropertyValues<this>): void {
    if (this.hasUpdated && reloading.some((name) => changed.has(name))) this.shared.release();
  }

  override updated(changed: PropertyValues<this>): void {
    if (this.autoload && [...reloading, 'autoload' as const].some((name) => changed.has(name))) this.start();
  }

  override render(): TemplateResult {
    const { step, progress, error } = this.shared;
    if (step === 'ready') return html`<slot></slot>`;
    const name = nameOf(this.model);
    if (step === 'loading') {
      return html`<windrow-load-progress .name=${name} .progress=${progress} .bytesPerSecond=${progress?.bytesPerSecond ?? 0}
        @cancel=${() => this.shared.release()}></windrow-load-progress>`;
    }
    return html`
      ${error ? html`<windrow-error-banner .error=${error} @dismiss=${() => this.shared.dismiss()} ?retry=${true}
        @retry=${() => this.start()}></windrow-error-banner>` : nothing}
      <div class="start">
        <slot name="start"><p>A language model that runs here, on your own GPU. Nothing you write leaves this device.</p></slot>
        <button part="load" class="primary" ?disabled=${!this.model} @click=${() => this.start()}>Load ${name || 'the model'}</button>
      </div>
    `;
  }

  /** What goes wrong is shown and told by an event. */
  private start(): void {
    if (this.model) this.load().catch(() => {});
  }

  static override styles = [
    ...hostTheme,
    controls,
    css`
      .start {
        display: grid;
        justify-items: center;
        gap: var(--gap);
        padding: var(--gap-large) var(--gap);
        text-align: center;
      }
    `,
  ];
}

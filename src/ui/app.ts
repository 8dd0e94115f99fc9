// <windrow-app>: the chat page. Puts the elements together and hands their events to the loader and the conversation.
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { query, state } from 'lit/decorators.js';
import { type Engine } from '../api/engine.ts';
import { type Composer } from './composer.ts';
import { Conversation } from './conversation.ts';
import { choiceOfUrl, defaultModel, type ModelChoice } from './model-choice.ts';
import { ModelLoader } from './model-loader.ts';
import { pageOptions } from './page-options.ts';

export class App extends LitElement {
  @state() private supported = true;
  /** A question that could not be answered, given back. */
  @state() private draft = '';
  @query('windrow-composer') private composer!: Composer | null;

  private readonly options = pageOptions(location.search);
  private offered: ModelChoice = defaultModel(document.baseURI);
  private readonly loader = new ModelLoader(this);
  private readonly conversation = new Conversation(this);

  /** The loaded engine, for scripts and tests. */
  get engine(): Engine | null {
    return this.loader.engine;
  }

  override async firstUpdated(): Promise<void> {
    this.supported = !!(await navigator.gpu?.requestAdapter().catch(() => null));
    if (!this.supported) return;
    try {
      if (this.options.model) this.offered = choiceOfUrl(this.options.model, document.baseURI);
    } catch {
      this.loader.error = new TypeError(`The address in ?model= is no http or https URL: ${this.options.model}`);
    }
    await this.loader.start(this.offered, this.options, this.options.autoload);
    this.focusComposer();
  }

  override render(): TemplateResult {
    const { loader, conversation } = this;
    const error = loader.error ?? conversation.error;
    const retry = loader.choice && (loader.step === 'choosing' ? loader.error : error?.name === 'DeviceError');
    return html`
      <windrow-header
        .name=${loader.engine?.info.name ?? ''} .step=${this.supported ? loader.step : 'unsupported'} .answering=${conversation.answering}
        ?started=${conversation.messages.length > 0}
        @new-chat=${() => conversation.clear()} @choose-model=${() => loader.choose(loader.step === 'ready')}></windrow-header>
      ${error
        ? html`<windrow-error-banner .error=${error} ?retry=${retry}
            @retry=${() => this.load(loader.choice!)} @dismiss=${() => this.dismiss()}></windrow-error-banner>`
        : nothing}
      <main>${this.supported ? this.renderStep() : html`<windrow-no-webgpu></windrow-no-webgpu>`}</main>
      ${loader.step === 'ready'
        ? html`<windrow-composer .draft=${this.draft} ?answering=${conversation.answering}
            @send=${({ detail }: CustomEvent<string>) => this.ask(detail)} @stop=${() => conversation.stop()}></windrow-composer>`
        : nothing}
    `;
  }

  private renderStep(): TemplateResult | typeof nothing {
    const { loader, conversation } = this;
    if (loader.step === 'choosing') {
      return html`<windrow-model-card
        .offered=${this.offered} .stored=${loader.stored}
        @choose=${({ detail }: CustomEvent<ModelChoice>) => this.load(detail)}
        @remove=${({ detail }: CustomEvent<string>) => loader.remove(detail)}></windrow-model-card>`;
    }
    if (loader.step === 'loading') {
      return html`<windrow-load-progress
        .name=${loader.choice!.name} .progress=${loader.progress} .bytesPerSecond=${loader.bytesPerSecond}
        @cancel=${() => loader.cancel()}></windrow-load-progress>`;
    }
    if (loader.step === 'looking') return nothing;
    return html`<windrow-message-list
      .messages=${conversation.messages} ?answering=${conversation.answering}
      @suggest=${({ detail }: CustomEvent<string>) => this.ask(detail)}></windrow-message-list>`;
  }

  private async load(choice: ModelChoice): Promise<void> {
    this.conversation.stop();
    this.conversation.dismiss();
    await this.loader.load(choice, this.options);
    this.focusComposer();
  }

  private async ask(question: string): Promise<void> {
    const { engine } = this.loader;
    if (!engine || this.conversation.answering) return;
    this.draft = '';
    if (!(await this.conversation.ask(engine, question, this.options.maxTokens))) this.draft = question;
  }

  private dismiss(): void {
    this.loader.dismiss();
    this.conversation.dismiss();
  }

  /** Not on a phone, where it would open the keyboard over the page. */
  private async focusComposer(): Promise<void> {
    await this.updateComplete;
    if (matchMedia('(pointer: fine)').matches) this.composer?.focus();
  }

  static override styles = css`
    :host {
      display: flex;
      flex-direction: column;
      height: 100dvh;
    }
    main {
      flex: 1;
      min-height: 0;
      overflow-y: auto;
    }
  `;
}

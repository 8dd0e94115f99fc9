// <windrow-app>: the chat page. Puts the elements together and hands their events to the loader, the chats and the
// conversation that is open.
import { html, LitElement, nothing, type TemplateResult } from 'lit';
import { query, state } from 'lit/decorators.js';
import { type Engine } from '../../api/engine.ts';
import { hasCode } from '../../errors.ts';
import { budgetOf, keptBudget } from '../models/plan/budget.ts';
import { keptKvBudget } from '../models/plan/kv-budget.ts';
import { keptKv } from '../models/plan/kv-choice.ts';
import { type Answerer } from '../chat/answerer.ts';
import { ActivityLog } from '../activity/activity-log.ts';
import { byRoom, deviceMemory, fetchCatalogue, sizeAtAddress } from '../models/catalogue.ts';
import { ChatStates, stateCap } from '../chat/store/chat-states.ts';
import { Chats } from '../chat/store/chats.ts';
import { type Composer } from '../chat/composer.ts';
import { Conversation } from '../chat/conversation.ts';
import { FileDrop, isGguf, takeLaunchedFiles } from '../models/file-drop.ts';
import { type MessageList } from '../chat/message-list.ts';
import { addressesOf, choiceOfFiles, choiceOfText, listedAt, type ModelChoice } from '../models/model-choice.ts';
import { nameOfLoaded, renderLoading, renderModels, renderPlan, type ModelActions } from '../models/model-pages.ts';
import { ModelLoader, type LoadChoices } from '../models/model-loader.ts';
import { renderDialog, renderNotices, type Overlay } from './overlays.ts';
import { type Way } from './error-banner.ts';
import { pageOptions, settingsOf, settingsOfLink, withoutLink } from './page-options.ts';
import { saveText } from '../activity/save-text.ts';
import { type Connected, ServerModel } from '../server/server-model.ts';
import { Updates } from './updates.ts';

export class App extends LitElement {
  /** Taken to be true until the browser has answered. */
  @state() private supported = !!navigator.gpu;
  /** A question that could not be answered, given back. */
  @state() private draft = '';
  @state() private catalogue: ModelChoice[] = [];
  /** Whether the hub may be searched from here, and models on servers be used. */
  @state() private offers = { search: false, servers: false };
  /** The models were asked for in place of a chat. */
  @state() private models = false;
  @state() private overlay: Overlay = 'none';
  @query('windrow-composer') private composer!: Composer | null;
  @query('windrow-message-list') private list!: MessageList | null;

  private options = pageOptions(location.search);
  private readonly loader = new ModelLoader(this);
  private readonly server = new ServerModel(this);
  private readonly chats = new Chats(this, {
    settings: settingsOf(this.options),
    answering: () => this.conversation.answering,
    onMore: (messages) => this.conversation.open(messages),
  });
  private readonly states = new ChatStates();
  private readonly updates = new Updates(this);
  private readonly conversation = new Conversation(this, (messages, stats) => {
    if (stats && !this.server.engine) this.log.add(stats);
    void this.chats.keepMessages(messages);
  });
  private readonly log = new ActivityLog(() => this.conversation.tokens);

  constructor() {
    super();
    new FileDrop(this, (files) => void this.take(files));
    takeLaunchedFiles((files) => void this.take(files));
  }

  /** The loaded engine, for scripts and tests. */
  get engine(): Engine | null {
    return this.loader.engine;
  }

  private get answerer(): Answerer | null {
    return this.server.engine ?? this.loader.engine;
  }

  private get loadChoices(): LoadChoices {
    const { f32, context, budget = budgetOf(keptBudget()), kv = keptKv(), kvBudget = keptKvBudget(), kernels } = this.options;
    return { f32, kv, kvBudget, context, budget, kernels };
  }

  override async firstUpdated(): Promise<void> {
    const offering = this.offerModels();
    this.supported = !!(await navigator.gpu?.requestAdapter().catch(() => null));
    if (!this.supported) return;
    const trusted = await offering;
    const { model, autoload } = this.options;
    const waits = this.server.kept?.isLast && this.offers.servers && model === undefined ? 'none' : 'wait'; // for the visitor to connect again
    await this.loader.start(this.catalogue[0], this.loadChoices, !autoload ? waits : trusted ? 'load' : 'ask');
    this.focusComposer();
  }

  /** Shows the catalogue, behind what the address names. Gives whether the first one is of the catalogue, whoever made the address. */
  private async offerModels(): Promise<boolean> {
    const { models, ...offers } = await fetchCatalogue(document.baseURI);
    const catalogue = byRoom(models, deviceMemory());
    this.offers = offers;
    const { model } = this.options;
    try {
      const named = model ? choiceOfText(model, document.baseURI) : catalogue[0];
      const listed = listedAt(catalogue, addressesOf(named));
      this.catalogue = [listed ?? named, ...catalogue.filter((each) => each !== listed)];
      return listed !== undefined;
    } catch {
      this.catalogue = catalogue;
      this.loader.refuse(new TypeError(`The address in ?model= is no http or https URL, and no owner/repo: ${model}`));
      return true;
    }
  }

  /** A model of this device takes the place of one on a server, however it came to be loaded. */
  override willUpdate(): void {
    if (this.loader.step !== 'loading') return;
    if (this.server.engine) this.conversation.settle();
    this.server.leave();
  }

  override render(): TemplateResult {
    const { loader, server, conversation, chats } = this;
    const close = (): void => void (this.overlay = 'none');
    return html`
      <windrow-shell ?drawer=${this.overlay === 'chats'} @drawer-closed=${close}
        @use-server=${({ detail }: CustomEvent<Connected>) => this.useServer(detail)}
        @leave-server=${() => this.leaveServer(() => server.leave())} @forget-server=${() => this.leaveServer(() => server.forget())}>
        <windrow-chat-list slot="side" .chats=${chats.list} .current=${chats.open.id}
          @new-chat=${() => this.openChat()} @open=${({ detail }: CustomEvent<string>) => this.openChat(detail)}
          @rename=${({ detail }: CustomEvent<{ id: string; title: string }>) => chats.rename(detail.id, detail.title)}
          @delete=${({ detail }: CustomEvent<string>) => this.deleteChat(detail)}
          @export-chats=${() => saveText('windrow-chats.json', chats.export())}
          @import-chats=${({ detail }: CustomEvent<File>) => chats.import(detail)}></windrow-chat-list>
        <windrow-header slot="header"
          .name=${server.engine?.info.name ?? nameOfLoaded(loader, this.catalogue)} .server=${server.address} .answering=${conversation.answering}
          .step=${server.engine ? 'ready' : this.supported ? loader.step : 'unsupported'}
          ?started=${conversation.messages.length > 0} ?models=${this.choosing} ?back=${!!this.answerer || conversation.messages.length > 0}
          @new-chat=${() => this.openChat()} @choose-model=${() => this.showModels(!this.choosing)} @open-chats=${() => (this.overlay = 'chats')}
          @open-settings=${() => (this.overlay = 'settings')} @open-activity=${this.openActivity}></windrow-header>
        ${this.renderError()}
        ${this.renderPage()}
        ${this.renderFoot()}
      </windrow-shell>
      ${renderDialog(this.overlay, loader, chats, this.log, {
        close,
        changeBudget: () => this.changeBudget(),
        changeMemory: () => this.changeMemory(),
        reload: (retune) => void this.load(loader.choice!, retune),
        linked: (load) => this.answerLink(load),
        linkSettings: settingsOfLink(this.options),
        states: this.states,
      })}
      ${renderNotices(this.updates, chats, conversation.answering)}
    `;
  }

  private get modelActions(): ModelActions {
    return {
      options: this.loadChoices,
      choose: (choice) => void this.choose(choice),
      load: (choice) => void this.load(choice),
      changeBudget: () => this.changeBudget(),
      changeMemory: () => this.changeMemory(),
    };
  }

  /** What the visitor chooses goes before what the address said. */
  private changeBudget(): void {
    this.options.budget = undefined;
    if (this.loader.step === 'planned') void this.loader.replan(this.loadChoices);
    if (this.loader.step === 'ready') void this.loader.changeBudget(this.loadChoices.budget);
  }

  private changeMemory(): void {
    this.options.kv = undefined;
    if (this.loader.step === 'planned') void this.loader.replan(this.loadChoices);
  }

  /** A model that only the address names is loaded if the visitor says so; else nothing else that the address sets is used either. */
  private answerLink(load: boolean): void {
    const choice = this.loader.endQuestion();
    if (load) void this.load(choice);
    else this.options = withoutLink(this.options);
  }

  private get view(): 'unsupported' | 'models' | 'planned' | 'loading' | 'chat' {
    const chatting = this.conversation.messages.length > 0 || this.server.engine !== null;
    if (!this.supported) return chatting && !this.models ? 'chat' : 'unsupported';
    const { step } = this.loader;
    if (step === 'looking' || step === 'choosing') return chatting && !this.models ? 'chat' : 'models'; // what is stored may come later
    return ({ planned: 'planned', loading: 'loading', ready: 'chat' } as const)[step];
  }

  /** What may be chosen stands in the place of the chat. */
  private get choosing(): boolean {
    return this.view === 'models' || this.view === 'unsupported';
  }

  private renderPage(): TemplateResult {
    const { loader, conversation, view } = this;
    const locked = !this.answerer || conversation.answering;
    const { engine, kept } = this.server;
    const server = this.offers.servers ? { engine, kept } : undefined;
    const offer = server && html`<windrow-server-offer .engine=${engine} .kept=${kept}></windrow-server-offer>`;
    if (view === 'unsupported') return html`<windrow-no-webgpu>${offer}</windrow-no-webgpu>`;
    if (view === 'models') return renderModels(loader, this.catalogue, { search: this.offers.search, server }, this.modelActions);
    if (view === 'planned') return renderPlan(loader, conversation.answering, this.modelActions);
    if (view === 'loading') return renderLoading(loader);
    return html`<windrow-message-list
      .messages=${conversation.messages} .readFrom=${conversation.readFrom} .server=${this.server.address}
      ?answering=${conversation.answering} ?locked=${locked}
      @suggest=${({ detail }: CustomEvent<string>) => this.ask(detail)}
      @again=${({ detail }: CustomEvent<{ at: number }>) => this.again(detail.at)}
      @edit=${({ detail }: CustomEvent<{ at: number; text: string }>) => this.again(detail.at, detail.text)}
      @delete-message=${({ detail }: CustomEvent<{ at: number }>) => conversation.remove(detail.at)}></windrow-message-list>`;
  }

  private renderFoot(): TemplateResult | typeof nothing {
    if (this.view !== 'chat') return nothing;
    const { address } = this.server;
    if (!this.answerer)
      return html`<windrow-no-model slot="foot" .supported=${this.supported} ?servers=${this.offers.servers}
        @choose-model=${() => this.showModels(true)}></windrow-no-model>`;
    const notice = address && `What you write leaves this device: it goes to ${address}.`;
    return html`<windrow-composer slot="foot" .draft=${this.draft} .notice=${notice} ?answering=${this.conversation.answering}
      @send=${({ detail }: CustomEvent<string>) => this.ask(detail)} @stop=${() => this.conversation.stop()}></windrow-composer>`;
  }

  private renderError(): TemplateResult | typeof nothing {
    const { loader, conversation, chats } = this;
    const error = loader.error ?? conversation.error ?? chats.error;
    if (!error) return nothing;
    const retry = loader.choice && (loader.step === 'choosing' ? loader.error : error.name === 'DeviceError');
    const dismiss = (): void => [loader, conversation, chats].forEach((each) => each.dismiss());
    return html`<windrow-error-banner slot="header" .error=${error} ?retry=${retry} .ways=${this.waysOn(error)}
      @retry=${() => this.load(loader.choice!)} @dismiss=${dismiss}></windrow-error-banner>`;
  }

  /** Where a conversation is longer than the context, the visitor chooses how it goes on. */
  private waysOn(error: Error): Way[] {
    const { loader, conversation, chats } = this;
    if (!loader.engine || !hasCode(error, 'context_length_exceeded')) return [];
    const { context, trainedContext = context } = loader.engine.info;
    const longer = Math.min(trainedContext, 2 * context);
    const forget = async (): Promise<void> => {
      conversation.dismiss();
      await chats.change({ forgets: true });
      const question = this.composer?.text || this.draft;
      if (question) await this.ask(question);
    };
    const lengthen = async (): Promise<void> => {
      this.options.context = longer;
      await this.load(loader.choice!);
    };
    return [
      ...(conversation.messages.length > 0 && !chats.open.forgets ? [{ words: 'Leave out the oldest messages', go: forget }] : []),
      ...(longer > context && loader.choice ? [{ words: `Load again with a context of ${longer}`, go: lengthen }] : []),
    ];
  }

  private openChat(id?: string): void {
    this.overlay = 'none';
    this.models = false;
    this.conversation.settle(); // before the other chat is open: what there is of the answer belongs to this one
    this.conversation.open((id === undefined ? this.chats.start() : this.chats.show(id)).messages);
    const { engine } = this.loader;
    if (engine) void this.loader.choose(false);
    if (engine && id !== undefined && stateCap()) void this.states.open(engine, id);
    void this.updateComplete.then(() => this.list?.showEnd());
    void this.focusComposer();
  }

  private async openActivity(): Promise<void> {
    try {
      await import('../activity/activity.ts');
      this.overlay = 'activity';
    } catch {
      this.loader.refuse(new Error('This part of the page could not be loaded. Check the connection, and reload the page: there may be a new version of it.'));
    }
  }

  private deleteChat(id: string): void {
    const open = id === this.chats.open.id;
    if (open) this.conversation.settle();
    void this.chats.remove(id);
    this.states.remove(this.loader.engine, id).catch((error: Error) => this.loader.refuse(error));
    if (open) this.conversation.open(this.chats.open.messages);
  }

  private async showModels(models: boolean): Promise<void> {
    this.models = models;
    await this.loader.choose(models);
  }

  /** What the page itself offers is known to be small; of anything else, and of a file that has changed, the plan comes first. */
  private async choose(choice: ModelChoice): Promise<void> {
    const { bytes } = choice;
    const known = bytes !== undefined && choice === this.catalogue[0] && [undefined, bytes].includes(await sizeAtAddress(choice));
    if (known) return this.load(choice);
    await this.loader.propose(choice, this.loadChoices);
    this.models = this.loader.step !== 'ready';
  }

  private async load(choice: ModelChoice, retune?: boolean): Promise<void> {
    this.settle();
    await this.loader.load(choice, { ...this.loadChoices, retune });
    this.models = this.loader.step !== 'ready';
    await this.focusComposer();
  }

  /** Before another model answers. */
  private settle(): void {
    this.draft = this.composer?.text ?? this.draft; // the composer goes away
    this.conversation.settle();
    this.conversation.dismiss();
    this.overlay = 'none';
    this.log.clear();
  }

  private async useServer(connected: Connected): Promise<void> {
    this.settle();
    this.server.use(connected);
    this.models = false;
    await this.loader.leave();
    await this.focusComposer();
  }

  private leaveServer(leave: () => void): void {
    this.conversation.settle();
    leave();
    this.models = true;
  }

  /** What is asked now, with its states where they are kept here. */
  private answererFor(chat: string): Answerer | null {
    const { engine } = this.loader;
    if (this.server.engine || !engine) return this.server.engine;
    this.logAnswer(engine);
    return this.states.engineFor(engine, chat);
  }

  private async ask(question: string): Promise<void> {
    const answerer = this.conversation.answering ? null : this.answererFor(this.chats.open.id);
    if (!answerer) return;
    this.draft = '';
    const { ended } = await this.conversation.ask(answerer, question, this.chats.open);
    if (ended === 'complete' && !this.server.engine) await this.states.keep();
    if (ended === 'none') this.draft = question;
  }

  private async again(at: number, text?: string): Promise<void> {
    const answerer = this.conversation.answering ? null : this.answererFor(this.chats.open.id);
    if (!answerer) return;
    if (text !== undefined) void this.focusComposer(); // the editor goes away
    const { ended } = await this.conversation.again(answerer, at, this.chats.open, text);
    if (ended === 'complete' && !this.server.engine) await this.states.keep();
    if (ended === 'none' && text !== undefined) this.draft = text;
  }

  private logAnswer(engine: Engine): void {
    setTimeout(() => void this.log.follow(engine, () => this.conversation.answering));
  }

  private async take(files: File[]): Promise<void> {
    const areModels = await Promise.all(files.map(isGguf));
    const models = files.filter((_, i) => areModels[i]);
    const chats = files.filter(({ name }) => /\.json$/i.test(name));
    if (models.length > 0 && this.supported) void this.load(choiceOfFiles(models));
    else if (chats.length > 0) for (const file of chats) void this.chats.import(file);
    else
      this.loader.refuse(
        new TypeError(
          models.length > 0
            ? `${models[0].name} cannot be loaded: this browser has no usable WebGPU.`
            : `${files[0].name} is neither a model (.gguf) nor an export of chats (.json). Choose one of these.`,
        ),
      );
  }

  /** Not on a phone, where it would open the keyboard over the page. */
  private async focusComposer(): Promise<void> {
    await this.updateComplete;
    if (matchMedia('(pointer: fine)').matches) this.composer?.focus();
  }
}

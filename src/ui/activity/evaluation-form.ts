// <windrow-evaluation>: measures the loaded model on the visitor's texts, and gives the numbers as JSON. Loaded when it is opened.
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, query, state } from 'lit/decorators.js';
import { createEngine, type Engine } from '../../api/engine.ts';
import { type StoredModel } from '../../protocol.ts';
import { type LoadChoices } from '../models/model-loader.ts';
import { kvChoices } from '../models/plan/kv-choice.ts';
import { controls } from '../page/controls.ts';
import { evaluate, memoryOf, optionsOfOther, resultsOf, type Evaluation, type Other } from './evaluation.ts';
import { saveText } from './save-text.ts';

const example = '[{ "prompt": "The sea is", "choices": [" salt", " square"], "answer": 0 }]';

/** What a form says that the model is compared with. */
function otherIn(given: FormData): Other {
  const [, kind, value] = /^(\w+) ?(.*)$/.exec(given.get('other') as string)!;
  if (kind === 'adapter') return { adapter: given.get('adapter') as File, scale: Number(given.get('scale')) };
  return kind === 'kv' ? { kv: value } : { model: value };
}

export class EvaluationForm extends LitElement {
  @property({ attribute: false }) engine!: Engine;
  /** As the model was loaded: what it is compared with differs in one thing. */
  @property({ attribute: false }) options: LoadChoices = {};
  @state() private stored: StoredModel[] = [];
  @state() private doing = '';
  @state() private problem = '';
  /** What is chosen to compare with. */
  @state() private other = '';
  @state() private found: Evaluation | null = null;
  @query('form') private form!: HTMLFormElement;
  private running: AbortController | null = null;

  override firstUpdated(): void {
    this.form.querySelector('textarea')!.focus();
    void this.engine.models().then(
      (stored) => (this.stored = stored),
      () => {}, // a frame without storage keeps none
    );
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.running?.abort();
  }

  override render(): TemplateResult {
    const { doing, problem, found } = this;
    return html`
      <form @submit=${this.submit}>
        <label class="field"><span>Text</span><textarea name="text" rows="4" dir="auto" placeholder="How well does the model expect it?"></textarea></label>
        ${this.renderOthers()}
        <label class="field"><span>Questions with choices, as JSON</span>
          <textarea name="questions" rows="3" class="code" spellcheck="false" placeholder=${example}></textarea></label>
        <label class="field"><span>Most bytes of a chunk</span>
          <input type="number" name="chunk" min="16" max="100000" placeholder="Empty: 2048, or 400 where two are compared">
          <span class="quiet">A text is cut in chunks, each scored by itself.</span></label>
        <div class="buttons">
          <button ?disabled=${doing !== ''}>Measure</button>
          ${doing === '' ? nothing : html`<button type="button" @click=${() => this.running?.abort()}>Stop</button>`}
          ${found ? html`<button type="button" @click=${this.save}>Save as JSON</button>` : nothing}
        </div>
      </form>
      <p class="quiet" role="status">${doing}</p>
      <p class="wrong" role="alert">${problem}</p>
      ${found ? html`<dl aria-label="Results">${resultsOf(found).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>` : nothing}
    `;
  }

  /** What is not kept cannot be loaded a second time; what is encrypted would ask for its passphrase. */
  private renderOthers(): TemplateResult {
    const { id } = this.engine.info;
    const kv = memoryOf(this.engine.info);
    const open = this.stored.filter(({ complete, encrypted }) => complete && !encrypted);
    const kvs = open.some((model) => model.id === id) ? kvChoices.filter(({ value }) => value !== '' && value !== kv) : [];
    const models = open.filter((model) => model.id !== id);
    return html`<label class="field"><span>Compare with</span>
      <select name="other" @change=${({ target }: Event) => (this.other = (target as HTMLSelectElement).value)}>
        <option value="">nothing</option>
        ${kvs.length ? html`<optgroup label="Another memory of conversations">${kvs.map(({ value, words }) => html`
          <option value="kv ${value}">${words}</option>`)}</optgroup>` : nothing}
        ${open.some((model) => model.id === id) ? html`<option value="adapter">This model with a LoRA adapter</option>` : nothing}
        ${models.length ? html`<optgroup label="Another model of the same vocabulary">${models.map((model) => html`
          <option value="model ${model.id}">${model.name}</option>`)}</optgroup>` : nothing}
      </select>
      <span class="quiet">It is loaded beside this one, and asks for as much GPU memory again.</span></label>
      ${this.other === 'adapter' ? html`
        <label class="field"><span>Adapter</span><input type="file" name="adapter" accept=".gguf" required>
          <span class="quiet">A GGUF that was made for this model.</span></label>
        <label class="field"><span>Scale</span><input type="number" name="scale" value="1" step="any" required></label>` : nothing}`;
  }

  private async submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const given = new FormData(this.form);
    const text = (name: string): string => given.get(name) as string;
    const { signal } = (this.running = new AbortController());
    [this.problem, this.found, this.doing] = ['', null, 'Measuring…'];
    try {
      const task = {
        text: text('text'), questions: text('questions'), chunkBytes: text('chunk') === '' ? undefined : Number(text('chunk')),
        openOther: text('other') === '' ? undefined : this.openerOf(otherIn(given)),
      };
      this.found = await evaluate(this.engine, task, (words) => (this.doing = words), signal);
    } catch (error) {
      this.problem = signal.aborted ? 'Stopped.' : (error as Error).message;
    } finally {
      this.doing = '';
    }
  }

  private openerOf(other: Other) {
    const options = optionsOfOther(this.engine, this.options, other);
    return (context: number, signal: AbortSignal) => createEngine({ ...options, context, signal });
  }

  private save(): void {
    saveText('windrow-evaluation.json', JSON.stringify(this.found, null, 2));
  }

  static override styles = [
    controls,
    css`
      form {
        display: grid;
        gap: var(--gap);
      }
      .field > span:first-child {
        font-size: var(--text-small);
        font-weight: 600;
      }
      textarea {
        line-height: 1.45;
        resize: vertical;
      }
      .code {
        font: 0.82rem / 1.5 var(--font-code);
      }
      .buttons {
        display: flex;
        flex-wrap: wrap;
        gap: var(--gap-small);
      }
      .wrong {
        color: var(--danger);
        font-size: var(--text-small);
        overflow-wrap: anywhere;
      }
      p:empty {
        display: none;
      }
      dl {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr));
        gap: var(--gap-small) var(--gap);
        margin: var(--gap-small) 0 0;
        line-height: 1.4;
      }
      dt {
        color: var(--text-quiet);
        font-size: var(--text-small);
      }
      dd {
        margin: 0;
        font-variant-numeric: tabular-nums;
      }
    `,
  ];
}

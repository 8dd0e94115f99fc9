// The page of bench.html: asks which model and how, has the worker run it, and shows what came out. What the address asks for
// fills the form; with a model in it, the benchmark starts by itself. Scripts read the outcome off `window`.
import { type Remote, transfer, wrap } from 'comlink';
import { html, nothing, render } from 'lit';
import { scriptAddress } from '../src/api/trusted.ts';
import { type ModelSource, type StoredModel } from '../src/protocol.ts';
import { saveText } from '../src/ui/activity/save-text.ts';
import { type BenchWorker, type PageResult } from './bench-worker.ts';
import workerAddress from './bench-worker.ts?worker&url';
import { type BenchQuery, readQuery } from './page-query.ts';

declare global {
  interface Window {
    /** Set when the benchmark is over. */
    bench?: { result: PageResult } | { error: string };
  }
}

const place = document.getElementById('bench')!;
const memoryPlace = document.getElementById('memory')!;
const worker: Remote<BenchWorker> = wrap<BenchWorker>(
  new Worker(scriptAddress(new URL(workerAddress, location.href)), { type: 'module', name: 'windrow benchmark' }),
);
let stored: StoredModel[] = [];
let running = false;
let progress = '';

function show({ model, options }: BenchQuery): void {
  const { promptTokens, newTokens, contexts, quick, sweep } = options;
  const outcome = window.bench;
  render(
    html`
    <form @submit=${submit}>
      <label>Stored model
        <select name="stored">
          <option value="">none: the address or file</option>
          ${stored.filter(({ complete }) => complete).map(({ id, name }) => html`<option value=${id}>${name}</option>`)}
        </select>
      </label>
      <label>Address of a GGUF <input name="model" value=${model ?? ''} placeholder="models/MODEL.gguf"></label>
      <label>or a file <input name="file" type="file" accept=".gguf"></label>
      <label>Prompt tokens <input name="prompt" type="number" min="1" value=${promptTokens}></label>
      <label>New tokens <input name="new" type="number" min="1" value=${newTokens}></label>
      <label>Contexts <input name="contexts" value=${contexts?.join() ?? ''} placeholder="128,512,1024,2048"></label>
      <label class="check"><input name="quick" type="checkbox" ?checked=${quick}> One prompt and its answer only</label>
      <label class="check"><input name="sweep" type="checkbox" ?checked=${sweep}> Several budgets too</label>
      <button ?disabled=${running}>${running ? 'Running…' : 'Run'}</button>
    </form>
    <p role="status">${progress}</p>
    ${
      outcome && 'error' in outcome
        ? html`<p class="error" role="alert">The benchmark failed, and nothing that it measured counts. ${outcome.error}</p>`
        : nothing
    }
    ${outcome && 'result' in outcome ? results(outcome.result) : nothing}
  `,
    place,
  );
}

const results = ({ text, ...json }: PageResult) => html`
  <button class="save" type="button" @click=${() => saveText('windrow-bench.json', JSON.stringify(json, null, 1))}>Save as JSON</button>
  <div class="plots"></div>
  <pre tabindex="0" aria-label="Report">${text}</pre>
`;

/** The part that measures memories, in the place of the button that asks for it. */
async function openMemory(): Promise<void> {
  const { showMemory } = await import('./memory-part.ts');
  const { options: { load: { f32, kernels, budgetBytes } } } = readQuery(location.search);
  showMemory(memoryPlace, { worker, load: { f32, kernels, budgetBytes }, source: chosen });
}

/** The model that the form names. */
function chosen(): ModelSource | undefined {
  const form = new FormData(place.querySelector('form')!);
  const address = String(form.get('model') ?? '').trim();
  return sourceOf(form) ?? (address ? { url: new URL(address, location.href).href } : undefined);
}

/** A file or a stored model. */
function sourceOf(form: FormData): ModelSource | undefined {
  const file = form.get('file');
  const stored = String(form.get('stored') ?? '').trim();
  return file instanceof File && file.size > 0 ? { file } : stored ? { stored } : undefined;
}

function submit(event: SubmitEvent): void {
  event.preventDefault();
  const form = new FormData(event.target as HTMLFormElement);
  const text = (name: string) => String(form.get(name) ?? '').trim();
  const search = new URLSearchParams(location.search);
  for (const name of ['model', 'prompt', 'new', 'contexts', 'quick', 'sweep']) {
    if (text(name)) search.set(name, text(name));
    else search.delete(name);
  }
  void run(search.toString(), sourceOf(form));
}

/** Runs the model in `search`, or `source`. */
async function run(search: string, source?: ModelSource): Promise<void> {
  const query = attempt(() => readQuery(search));
  if (!query) return;
  const { model, options } = query;
  if (!source && !model) return fail(query, 'No model is chosen. Give the address of a GGUF, a file or a stored model.');
  running = true;
  window.bench = undefined;
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data }: MessageEvent<string>) => {
    progress = data;
    show(query);
  };
  show(query);
  try {
    const result = await worker.run(source ?? { url: new URL(model!, location.href).href }, options, transfer(port2, [port2]));
    progress = 'Done. Every output that was timed was checked.';
    window.bench = { result };
  } catch (error) {
    progress = '';
    window.bench = { error: (error as Error).message };
  } finally {
    running = false;
    port1.close();
  }
  show(query);
  if ('result' in window.bench) await drawPlots(window.bench.result);
}

/** What `read` gives; if it throws, the page says why. */
function attempt(read: () => BenchQuery): BenchQuery | undefined {
  try {
    return read();
  } catch (error) {
    fail(readQuery(''), (error as Error).message);
    return undefined;
  }
}

function fail(query: BenchQuery, error: string): void {
  window.bench = { error };
  show(query);
}

async function drawPlots({ report }: PageResult): Promise<void> {
  const { plots } = await import('./bench-plots.ts');
  plots(place.querySelector('.plots')!, report);
}

render(html`<button class="save" type="button" @click=${openMemory}>What a memory costs…</button>`, memoryPlace);

const asked = attempt(() => readQuery(location.search));
if (asked) {
  show(asked);
  if (asked.model) void run(location.search);
  worker.models().then((models) => {
    stored = models;
    if (!running) show(asked);
  }, () => {});
}

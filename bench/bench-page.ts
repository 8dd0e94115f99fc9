// The page of bench.html: asks which model and how, has the worker run it, and shows what came out. What the address asks for
// fills the form; with a model in it, the benchmark starts by itself. Scripts read the outcome off `window`.
import { type Remote, transfer, wrap } from 'comlink';
import { html, nothing, render } from 'lit';
import { scriptAddress } from '../src/api/trusted.ts';
import { type ModelSource, type StoredModel } from '../src/protocol.ts';
import { saveText } from '../src/ui/save-text.ts';
import { type BenchWorker, type PageResult } from './bench-worker.ts';
import workerAddress from './bench-worker.ts?worker&url';
import { readQuery } from './page-query.ts';

declare global {
  interface Window {
    /** Set when the benchmark is over. */
    bench?: { result: PageResult } | { error: string };
  }
}

const place = document.getElementById('bench')!;
const worker: Remote<BenchWorker> = wrap<BenchWorker>(new Worker(scriptAddress(new URL(workerAddress, location.href)), { type: 'module', name: 'windrow benchmark' }));
const query = readQuery(location.search);
const defaultUrl = 'models/SmolLM2-135M-Instruct.Q4_1.gguf';
let stored: StoredModel[] = [];
let running = false;
let progress = '';

function show(): void {
  const { promptTokens, newTokens, contexts, sweep } = query.options;
  const outcome = window.bench;
  render(html`
    <form @submit=${submit}>
      <label>Stored model
        <select name="stored">
          <option value="">none: the address or file</option>
          ${stored.filter(({ complete }) => complete).map(({ id, name }) => html`<option value=${id}>${name}</option>`)}
        </select>
      </label>
      <label>Address of a GGUF <input name="model" value=${query.model ?? defaultUrl}></label>
      <label>or a file <input name="file" type="file" accept=".gguf"></label>
      <label>Prompt tokens <input name="prompt" type="number" min="1" value=${promptTokens}></label>
      <label>New tokens <input name="new" type="number" min="1" value=${newTokens}></label>
      <label>Contexts <input name="contexts" value=${contexts?.join() ?? ''} placeholder="128,512,1024,2048"></label>
      <label class="check"><input name="sweep" type="checkbox" ?checked=${sweep}> Several budgets too</label>
      <button ?disabled=${running}>${running ? 'Running…' : 'Run'}</button>
    </form>
    <p role="status">${progress}</p>
    ${outcome && 'error' in outcome ? html`<p class="error" role="alert">${outcome.error}</p>` : nothing}
    ${outcome && 'result' in outcome ? results(outcome.result) : nothing}
  `, place);
}

const results = ({ text, ...json }: PageResult) => html`
  <button class="save" type="button" @click=${() => saveText('windrow-bench.json', JSON.stringify(json, null, 1))}>Save as JSON</button>
  <div class="plots"></div>
  <pre tabindex="0" aria-label="Report">${text}</pre>
`;

function submit(event: SubmitEvent): void {
  event.preventDefault();
  const form = new FormData(event.target as HTMLFormElement);
  const text = (name: string) => String(form.get(name) ?? '').trim();
  const search = new URLSearchParams(location.search);
  for (const name of ['prompt', 'new', 'contexts', 'sweep']) {
    if (text(name)) search.set(name, text(name));
    else search.delete(name);
  }
  const file = form.get('file');
  const source: ModelSource = file instanceof File && file.size > 0 ? { file } : text('stored') ? { stored: text('stored') } : { url: new URL(text('model'), location.href).href };
  void run(source, search.toString());
}

async function run(source: ModelSource, search: string): Promise<void> {
  running = true;
  window.bench = undefined;
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data }: MessageEvent<string>) => {
    progress = data;
    show();
  };
  show();
  try {
    const { options } = readQuery(search);
    const result = await worker.run(source, options, transfer(port2, [port2]));
    progress = 'Done. Every output that was timed was checked.';
    window.bench = { result };
  } catch (error) {
    progress = '';
    window.bench = { error: (error as Error).message };
  } finally {
    running = false;
    port1.close();
  }
  show();
  if (window.bench && 'result' in window.bench) await drawPlots(window.bench.result);
}

async function drawPlots({ report }: PageResult): Promise<void> {
  const { plots } = await import('./bench-plots.ts');
  plots(place.querySelector('.plots')!, report);
}

show();
worker.models().then((models) => {
  stored = models;
  show();
}, () => {});
if (query.model) void run({ url: new URL(query.model, location.href).href }, location.search);

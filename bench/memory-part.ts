// The part of bench.html that shows what a memory costs: the table of policies, row by row, begun, stopped and gone on with. A chunk of its own, which comes
// when it is asked for.
import { type Remote, transfer } from 'comlink';
import { html, nothing, render } from 'lit';
import { cellsOf, markdownOf, type NamedRow } from '../src/bench/memory/table.ts';
import { type ModelSource } from '../src/protocol.ts';
import { saveText } from '../src/ui/activity/save-text.ts';
import { type BenchWorker } from './bench-worker.ts';
import { type MemoryNews, type MemoryRequest } from './memory-worker.ts';

export interface MemoryPart {
  worker: Remote<BenchWorker>;
  load: MemoryRequest['load'];
  /** The model that is chosen; undefined where none is. */
  source(): ModelSource | undefined;
}

/** What measures against each other, and two to compare with. */
const usualPolicies = 'q8 kivi4 duo-kivi:share=0.25 h2o:share=0.25 snapkv:share=0.25 recent:share=0.25 random:share=0.25';

interface Shown {
  rows: NamedRow[];
  /** Stops what runs. */
  stop?(): void;
  progress: string;
  error?: string;
}

export function showMemory(place: HTMLElement, part: MemoryPart): void {
  const shown: Shown = { rows: [], progress: '' };
  const show = () => render(pageOf(shown, { measure, forget }), place);

  /** Does something that takes its time with what the form asks for. */
  async function work(event: Event, run: (source: ModelSource, request: MemoryRequest) => Promise<string>): Promise<void> {
    event.preventDefault();
    shown.error = undefined;
    try {
      const form = new FormData((event.target as HTMLElement).closest('form')!);
      const source = part.source();
      if (!source) throw new Error('No model is chosen. Give the address of a GGUF, a file or a stored model above.');
      shown.progress = await run(source, await requestOf(form, part.load));
    } catch (error) {
      shown.progress = '';
      shown.error = (error as Error).message;
    }
    shown.stop = undefined;
    show();
  }

  const measure = (event: Event) => work(event, async (source, request) => {
    const { port1, port2 } = new MessageChannel();
    shown.rows = [];
    shown.stop = () => {
      port1.postMessage('stop');
      shown.progress = 'Stopping after this step.';
      show();
    };
    port1.onmessage = ({ data }: MessageEvent<MemoryNews>) => {
      if ('row' in data) shown.rows.push(data.row);
      else shown.progress = data.line;
      show();
    };
    show();
    try {
      const rows = await part.worker.memory(source, request, transfer(port2, [port2]));
      shown.rows = rows;
      const left = request.policies.length - rows.length;
      return left ? `Stopped; ${left} of ${request.policies.length} policies are left. What was measured is kept.` : 'Done.';
    } finally {
      port1.close();
    }
  });

  const forget = (event: Event) => work(event, async (source, request) => {
    await part.worker.forgetMemory(source, request);
    shown.rows = [];
    return 'Forgotten: the next measurement of this model and text begins anew.';
  });

  show();
}

async function requestOf(form: FormData, load: MemoryRequest['load']): Promise<MemoryRequest> {
  const policies = String(form.get('policies')).split(/\s+/).filter(Boolean);
  if (!policies.length) throw new Error('No policy is named. Name some, as in kivi4 h2o:share=0.25.');
  const file = form.get('text');
  if (!(file instanceof File && file.size > 0)) throw new Error('No text is chosen. Give one of 1120 tokens at least, or probes as JSON.');
  const text = await file.text();
  return { policies, given: file.name.endsWith('.json') ? { probes: text } : { text }, load };
}

const pageOf = ({ rows, stop, progress, error }: Shown, { measure, forget }: Record<'measure' | 'forget', (event: Event) => void>) => html`
  <h2>What a memory costs</h2>
  <p>
    Measures the chosen model under policies of keys and values against its full memory: bytes as a share of 16 bits, divergence (KL, nats for a token),
    tokens on which both agree, words of records that are found again (recall), and tokens/s. KL and recall disagree, so neither alone tells which is better.
    What was measured stays in this browser: stop at any time, and go on later.
  </p>
  <form @submit=${measure} aria-label="Memory">
    <label>Policies <input name="policies" value=${usualPolicies} spellcheck="false"></label>
    <label>A text, or probes as JSON <input name="text" type="file" accept=".txt,.md,.json"></label>
    <button ?disabled=${stop !== undefined}>${stop ? 'Measuring…' : 'Measure'}</button>
    <button type="button" ?disabled=${!stop} @click=${() => stop?.()}>Stop</button>
    <button type="button" ?disabled=${stop !== undefined} @click=${forget}>Forget what was measured</button>
  </form>
  <p role="status">${progress}</p>
  ${error === undefined ? nothing : html`<p class="error" role="alert">${error}</p>`}
  ${rows.length ? tableOf(rows) : nothing}
`;

function tableOf(rows: NamedRow[]) {
  const [head, ...cells] = cellsOf(rows);
  return html`
    <button class="save" type="button" @click=${() => saveText('windrow-memory.md', `${markdownOf(rows)}\n`, 'text/markdown')}>Save as Markdown</button>
    <table aria-label="Policies">
      <thead><tr>${head.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
      <tbody>${cells.map(([policy, ...numbers]) => html`<tr><th scope="row">${policy}</th>${numbers.map((number) => html`<td>${number}</td>`)}</tr>`)}</tbody>
    </table>
  `;
}

// Checks of embed: rows of a table of every type.
import { formats } from '../../../formats/catalogue.ts';
import { panelLayout } from '../../../formats/panel.ts';
import { type Embed, embed as embedOp } from '../../../model/ops/embed.ts';
import { embed } from '../../../reference/embed.ts';
import { type Case } from '../check.ts';
import { decodeChoice } from '../choice.ts';
import { type OperationChecks, modelRows } from '../operation-checks.ts';
import { columns, random, randomTensor, unpackTensor } from '../random.ts';
import { withStage } from '../workbench.ts';

/** The embedding of some ids, at a position, by a table in one or several bindings. */
function embedCase(type: string, vocab: number, cols: number, panelsPerBinding?: number): Case {
  const name = `${type} ${vocab} x ${cols}${panelsPerBinding ? `, ${panelsPerBinding} panels per binding` : ''}`;
  const maxBindingBytes = panelsPerBinding && panelsPerBinding * panelLayout(formats.get(type)!, vocab, cols).panelBytes;
  return {
    name,
    async run(bench) {
      const next = random(name);
      const [tokens, position, scale] = [7, 3, 1.5];
      const bytes = randomTensor(type, vocab, cols, next);
      const ids = Uint32Array.from({ length: tokens }, (_, t) => (t === 0 ? vocab - 1 : Math.floor(next() * vocab)));
      const setting = {
        config: { dim: cols, vocab }, choice: decodeChoice({}), tokens, position, maxBindingBytes,
        tensors: { table: { type, shape: [cols, vocab], bytes } }, op: embedOp({ table: 'table', scale, output: 'x' }),
      };
      const found = await withStage(bench, setting, async (stage) => {
        bench.gpu.device.queue.writeBuffer(stage.sequence.ids.buffer, 4 * position, ids);
        await stage.run(stage.dispatches);
        return stage.read('x', tokens, cols);
      });
      const table = unpackTensor(type, bytes, vocab, cols);
      const largest = table.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0);
      return { found, expected: embed(table, cols, ids, scale), scale: new Float32Array(found.length).fill(scale * largest) };
    },
  };
}

/** Weights come out within 2 ulp of the largest one, and the scale rounds once more. */
const embedTolerance = 2 ** -21;

export const checks: OperationChecks<Embed> = {
  all: () =>
    [...formats.keys()].map((type) => {
      const cols = columns(type, 1);
      return {
        name: `embed ${type}`,
        tolerance: embedTolerance,
        choice: {},
        cases: [embedCase(type, 1, cols), embedCase(type, 67, cols), embedCase(type, 97, cols, 2)],
      };
    }),
  of({ graph, typeOf }, { table, cols }) {
    const type = typeOf(table);
    const dim = cols ?? graph.config.dim;
    return [{ name: `embed ${type} of ${dim} columns`, tolerance: embedTolerance, choice: {}, cases: [embedCase(type, modelRows, dim)] }];
  },
};

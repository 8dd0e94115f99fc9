// The checks of one model: each distinct operation of its graph, with its widths, heads and weight types, few rows each.
import { type Graph, type Op, type Project } from '../../model/graph.ts';
import { type Shapes } from '../../model/record.ts';
import { attendCase, attendTolerance, ropeCase, ropeTolerance } from './attention.ts';
import { type Check } from './check.ts';
import { normCase, normTolerance } from './elementwise.ts';
import { type Projected, embedCase, embedTolerance, projectChecksOf } from './project.ts';
import { samplerChecks } from './sampler.ts';

/** What is known of a model once its header is read. */
export interface Model {
  graph: Graph;
  /** ggml's name of the type of a tensor. */
  typeOf(tensor: string): string;
  shapes: Shapes;
}

/** Rows of every matrix: one more than a panel; a multiple of 4, as the heads of a bias are. */
const rows = 36;

export function modelChecks({ graph, typeOf, shapes }: Model): Check[] {
  const checks = [graph.embed, ...graph.layers.flat(), graph.head].flatMap((op) => opChecks(graph, op, typeOf, shapes));
  return [...new Map(checks.map((check) => [check.name, check])).values(), ...samplerChecks([Math.min(graph.config.vocab, 2049)]).slice(0, 3)];
}

function opChecks({ config, ropes }: Graph, op: Op, typeOf: Model['typeOf'], shapes: Shapes): Check[] {
  const { dim, heads, kvHeads, headDim } = config;
  const { cache, reduce } = shapes;
  switch (op.op) {
    case 'embed':
      return [{ name: `embed ${typeOf(op.table)}`, tolerance: embedTolerance, shapes: {}, cases: [embedCase(typeOf(op.table), rows, dim)] }];
    case 'project': {
      const projected = projectedOf(op, typeOf);
      const { types, cols, norm, bias, gate, add, softcap, logits } = projected;
      const fusions = { norm, bias, [gate ?? 'gate']: gate, add, softcap, logits };
      const label = [[...new Set(types)].join('+'), `of ${cols} columns`, ...Object.entries(fusions).filter(([, on]) => on).map(([name]) => name)].join(' ');
      return projectChecksOf(projected, label, shapes);
    }
    case 'rope': {
      const rope = { ...ropes[op.rope], factors: undefined };
      const norm = op.queryNorm !== undefined;
      const roped = { heads, kvHeads, headDim, rope, norm, position: 250, tokens: 9 };
      return [{ name: `rope ${op.rope}${norm ? ', normed' : ''}`, tolerance: ropeTolerance[cache], shapes: { cache }, cases: [ropeCase(roped, shapes)] }];
    }
    case 'attend': {
      const seen = { heads, kvHeads, headDim, length: 300, scale: op.scale };
      const windows = op.window ? [Math.min(op.window, 100)] : [undefined];
      return windows.flatMap((window) => [
        { name: `attention-decode${window ? ', window' : ''}`, tolerance: attendTolerance, shapes: { cache }, cases: [attendCase({ ...seen, window, tokens: 1 }, 'decode', shapes)] },
        { name: `attention${window ? ', window' : ''}`, tolerance: attendTolerance, shapes: { cache }, cases: [attendCase({ ...seen, window, tokens: 9 }, 'prefill', shapes)] },
      ]);
    }
    case 'norm-add':
      return [{ name: 'rms-norm, added', tolerance: normTolerance, shapes: { reduce }, cases: [normCase(dim, 3, true, shapes)] }];
  }
}

const projectedOf = ({ matrices, cols, norm, bias, gate, add, softcap, output }: Project, typeOf: Model['typeOf']): Projected => ({
  types: matrices.map(({ tensor }) => typeOf(tensor)), rows: matrices.map(() => rows), cols, tokens: 1,
  norm: norm !== undefined, bias: bias !== undefined, gate, add, softcap, logits: output === 'logits',
});

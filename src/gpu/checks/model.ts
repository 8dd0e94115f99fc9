// The checks of one model: each distinct operation of its graph, with its widths, heads and weight types, few rows each.
import { type KvFormat } from '../../kv/formats/format.ts';
import { type Graph } from '../../model/graph.ts';
import { opsOf } from '../../model/operations.ts';
import { type Attend } from '../../model/ops/attend.ts';
import { type Embed } from '../../model/ops/embed.ts';
import { type NormAdd } from '../../model/ops/norm-add.ts';
import { type Project } from '../../model/ops/project.ts';
import { type Rope } from '../../model/ops/rope.ts';
import { choiceOf } from '../../model/choice-of-matrix.ts';
import { lanesOf } from '../../model/products.ts';
import { type KernelChoice, plainAttention } from '../../model/kernel-choice.ts';
import { attendCase, attendTolerance, ropeCase, ropeTolerance } from './attention.ts';
import { type Check } from './check.ts';
import { normCase, normTolerance } from './elementwise.ts';
import { type Projected, decodeCheck, embedCase, embedTolerance, fewCheck, prefillCheck } from './project.ts';
import { samplerChecks } from './sampler.ts';
import { stageChecks } from './stages.ts';

/** What is known of a model once its header is read. */
export interface Model {
  graph: Graph;
  /** ggml's name of the type of a tensor. */
  typeOf(tensor: string): string;
  choice: KernelChoice;
  kv: KvFormat;
  /** The kinds of the matrices of a product (model/matrix-choices.ts), if their shapes may differ. */
  kindsOf?(op: Project): string[];
}

/** Rows of every matrix: one more than a panel; a multiple of 4, as the heads of a bias are. */
const rows = 36;

/** Names tell checks of any two models apart, so that what passed once need not run again. */
export function modelChecks(model: Model): Check[] {
  const { graph } = model;
  const checks = new Map<string, Check>();
  for (const check of opsOf(graph).flatMap((op) => opChecks(model, op as Embed | Project | Rope | Attend | NormAdd))) {
    const same = checks.get(check.name);
    checks.set(check.name, { ...check, kinds: [...new Set([...(same?.kinds ?? []), ...(check.kinds ?? [])])] });
  }
  const vocab = Math.min(graph.config.vocab, 2049);
  const sampling = [...samplerChecks([vocab]).slice(0, 3), ...stageChecks([vocab])];
  return [...checks.values(), ...sampling.map((check) => ({ ...check, name: `${check.name}, ${vocab} tokens` }))];
}

function opChecks(model: Model, op: Embed | Project | Rope | Attend | NormAdd): Check[] {
  const { graph: { config, ropes }, typeOf, choice, kv } = model;
  const { dim, heads, kvHeads, headDim } = config;
  const { reduce, span, threads } = choice;
  const headNames = `${heads}/${kvHeads} heads of ${headDim} in ${kv.name}`;
  switch (op.op) {
    case 'embed':
      return [{ name: `embed ${typeOf(op.table)} of ${dim} columns`, tolerance: embedTolerance, choice: {}, cases: [embedCase(typeOf(op.table), rows, dim)] }];
    case 'project':
      return productChecks(model, op);
    case 'rope': {
      const rope = { ...ropes[op.rope], factors: undefined };
      const norm = op.queryNorm !== undefined;
      const roped = { heads, kvHeads, headDim, rope, norm, position: 250, tokens: 9 };
      return [{ name: `rope of ${rope.dims} by ${rope.layout}, ${headNames}${norm ? ', normed' : ''}`, tolerance: ropeTolerance(kv), choice: { kv: kv.name }, cases: [ropeCase(roped, choice, kv)] }];
    }
    case 'attend': {
      const window = op.window && Math.min(op.window, 100);
      const seen = { heads, kvHeads, headDim, length: Math.max(300, 2 * span - 1), scale: op.scale, window };
      const label = `${headNames}${window ? `, window ${window}` : ''}`;
      const lanes = lanesOf(choice.prefill);
      return [
        // Of any other shapes than the plain ones those are what to drop.
        { name: `attention-decode by ${span} in ${threads}, ${label}`, tolerance: attendTolerance, choice: span === plainAttention.span && threads === plainAttention.threads ? { kv: kv.name } : { span, threads }, cases: [attendCase({ ...seen, tokens: 1 }, 'decode', choice, kv)] },
        // Of keys and values that threads read together that is what to drop.
        { name: `attention${lanes ? ` by ${lanes}` : ''}, ${label}`, tolerance: attendTolerance, choice: lanes ? { prefill: choice.prefill } : { kv: kv.name }, cases: [attendCase({ ...seen, tokens: 9 }, 'prefill', choice, kv)] },
      ];
    }
    case 'norm-add':
      return [{ name: `rms-norm by ${reduce} of ${dim}, added`, tolerance: normTolerance, choice: { reduce }, cases: [normCase(dim, 3, true, choice)] }];
  }
}

/** A product in every choice that its matrices have, in both modes; the norm before many rows is a kernel of its own. */
function productChecks({ typeOf, choice, kindsOf }: Model, op: Project): Check[] {
  const projected = projectedOf(op, typeOf);
  const { types, cols, norm, bias, gate, add, softcap, logits } = projected;
  const fusions = { bias, [gate ?? 'gate']: gate, add, softcap, logits };
  const plain = [[...new Set(types)].join('+'), `of ${cols} columns`, ...Object.entries(fusions).filter(([, on]) => on).map(([name]) => name)].join(' ');
  const kinds = kindsOf?.(op) ?? [];
  const choices = kinds.length ? kinds.map((kind) => ({ ...choiceOf(choice, kind), kinds: [kind] })) : [{ ...choice, kinds }];
  const decodes = choices.map((each) => ({ ...decodeCheck(projected, `${plain}${norm ? ' norm' : ''}`, each), kinds: each.kinds }));
  if (logits) return decodes;
  const plainly = { ...projected, norm: false };
  const many = choices.flatMap((each) => [prefillCheck(plainly, plain, each), ...fewCheck(plainly, plain, each)].map((check) => ({ ...check, kinds: each.kinds })));
  const { reduce } = choice;
  return [...decodes, ...many, ...(norm ? [{ name: `rms-norm by ${reduce} of ${cols}`, tolerance: normTolerance, choice: { reduce }, cases: [normCase(cols, 3, false, choice)] }] : [])];
}

const projectedOf = ({ matrices, cols, norm, bias, gate, add, softcap, output }: Project, typeOf: Model['typeOf']): Projected => ({
  types: matrices.map(({ tensor }) => typeOf(tensor)), rows: matrices.map(() => rows), cols, tokens: 1,
  norm: norm !== undefined, bias: bias !== undefined, gate, add, softcap, logits: output === 'logits',
});

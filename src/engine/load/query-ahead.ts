// Where the processor attends a layer ahead (`AnswerPlan.ahead`): in front of each section the query of the next one's attention is made, of what stands in `x`
// by then, so that the processor is asked while the GPU has a whole layer to compute.
import { type Dispatch } from '../../gpu/program.ts';
import { mostChosen } from '../../model/blocks/chosen-rows.ts';
import { queryOps } from '../../model/blocks/query-ahead.ts';
import { type Mode } from '../../model/choices/kernel-choice.ts';
import { type RecordContext } from '../../model/operation.ts';
import { isAttend } from '../../model/ops/attend.ts';
import { type Section } from '../../model/sections.ts';
import { type ResidentWeights } from '../../weights/stream/resident.ts';
import { type OpenedModel } from './opened.ts';
import { recordSection } from './stages.ts';

/** The layer of keys and values whose attention in a section is answered by a query of the section before; undefined where none is. */
function layerAhead({ kv }: RecordContext, sections: readonly Section[], index: number): number | undefined {
  const attends = sections[index]?.ops.map(({ op }) => op).find(isAttend);
  const isAhead = attends !== undefined && sections[index - 1]?.role.kind === 'layer' && kv.sets?.(attends.layer)[0]?.ahead;
  return isAhead ? attends.layer : undefined;
}

/** The queries of the layer that comes behind a section, for steps of single rows. */
function queryOfNext(
  context: RecordContext, opened: Pick<OpenedModel, 'sections' | 'layout'>, weights: ResidentWeights, [index, layer, mode]: [number, number, Mode],
): Dispatch[] {
  const { ops } = opened.sections[index];
  const some = ops.slice(0, queryOps(ops.map(({ op }) => op), layer)).map((each) => ({ ...each, op: { ...each.op, ahead: true } }));
  return recordSection(context, opened, weights, index, mode, some).map(({ label, grid, ...each }) => ({
    ...each, label: `${label}.ahead`, grid: (step) => (step.rows <= mostChosen ? grid(step) : [0]), // prompts are not answered
  }));
}

/** The dispatches of a section, and in front of them what asks for the next one where that is asked ahead. */
export function recordAhead(
  context: RecordContext, opened: Pick<OpenedModel, 'sections' | 'layout'>, weights: ResidentWeights, index: number, mode: Mode,
): Dispatch[] {
  const { sections } = opened;
  const own = recordSection(context, opened, weights, index, mode);
  const isAsked = layerAhead(context, sections, index) !== undefined;
  const [first, ...others] = isAsked ? own.map((each) => (each.asks === undefined ? each : { ...each, asks: undefined, apart: true })) : own;
  const next = layerAhead(context, sections, index + 1);
  if (next === undefined) return [first, ...others];
  return [...queryOfNext(context, opened, weights, [index + 1, next, mode]), { ...first, asks: next }, ...others];
}

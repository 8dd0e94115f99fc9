// Every policy of keys and values, found by file: adding one is adding a file here. A chunk of its own: most models are loaded without one.
import { BudgetError, mib } from '../../errors.ts';
import { type Graph } from '../../model/graph.ts';
import { type Policy } from '../policy.ts';
import { type Shape, type ShapeRoom, shapeOf } from '../shape.ts';
import { addPolicyShaders } from './shaders.ts';

const files = import.meta.glob<{ policies?: readonly Policy[] }>(['./**/*.ts', '!./catalogue.ts', '!./names.ts', '!./shaders.ts', '!./**/*.test.ts'], {
  eager: true,
});

export const policies: ReadonlyMap<string, Policy> = new Map(
  Object.values(files).flatMap(({ policies = [] }) => policies).map((policy) => [policy.name, policy]),
);

/** As a policy has it within a budget that `sequences` share. BudgetError where a sequence would take more, with both numbers. */
export function shapeWithin(
  graph: Graph,
  name: string,
  options: Readonly<Record<string, number>>,
  { budgetBytes, ...room }: ShapeRoom & { sequences: number },
): Shape {
  addPolicyShaders();
  const shape = shapeOf(graph, policies.get(name)!, options, { ...room, budgetBytes: budgetBytes / room.sequences });
  const { full, growing, shared } = shape.bytes;
  const own = Math.max(0, budgetBytes - shared - growing) / room.sequences;
  if (full <= own) return shape;
  throw new BudgetError(
    `kvBudgetBytes leaves ${mib(own)} for a conversation${shared ? `, beside ${mib(shared)} that all share` : ''}` +
    `${growing ? `${shared ? ' and' : ', beside'} ${mib(growing)} that are there twice while they grow` : ''}; ${name} needs ${mib(full)} ` +
    `for ${room.context} tokens` +
    `${shape.plan.peak === 'prompt' ? ', all of which a prompt may have before any is dropped' : ''}. ` +
    'Raise it, choose a shorter context, or a policy that drops what is old while a prompt is read (streaming).',
  );
}

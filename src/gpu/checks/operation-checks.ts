// What a file in ops/ says of the checks of an operation of its name, and finding them: a new operation's checks are a new file.
import { type KvFormat } from '../../kv/formats/format.ts';
import { type Graph, type Op } from '../../model/graph.ts';
import { type KernelChoice } from '../../model/choices/kernel-choice.ts';
import { type Project } from '../../model/ops/project.ts';
import { addRareOperations } from '../../model/rare-operations.ts';
import { type Gpu } from '../device.ts';
import { type Check } from './check.ts';

/** What is known of a model once its header is read. */
export interface Model {
  graph: Graph;
  /** ggml's name of the type of a tensor. */
  typeOf(tensor: string): string;
  choice: KernelChoice;
  kv: KvFormat;
  /** The kinds of the matrices of a product (model/choices/choice-of-matrix.ts), if their choices may differ. */
  kindsOf?(op: Project): string[];
}

export interface OperationChecks<O extends Op = Op> {
  /** Every kernel of the operation at awkward sizes. */
  all(gpu: Gpu): Check[];
  /** The kernels that a model runs it by, with its widths and types; few rows each. Names tell those of any two models apart. */
  of(model: Model, op: O): Check[];
}

/** Rows of a matrix of a model's checks where a workgroup takes a panel at most: some more than that; a multiple of 4, as the heads of a bias are. */
export const modelRows = 36;

addRareOperations();

const files = import.meta.glob<{ checks: OperationChecks<never> }>('./ops/*.ts', { eager: true });
/** By the name of the operation, which is that of its file. */
const operations = new Map(Object.entries(files).map(([path, { checks }]) => [path.slice('./ops/'.length, -'.ts'.length), checks as OperationChecks]));

export const checksOfAll = (gpu: Gpu): Check[] => [...operations.values()].flatMap((checks) => checks.all(gpu));

export function checksOf(model: Model, op: Op): Check[] {
  const checks = operations.get(op.op);
  if (!checks) throw new Error(`There is no file src/gpu/checks/ops/${op.op}.ts, so nothing proves the kernels of ${op.op}.`);
  return checks.of(model, op);
}

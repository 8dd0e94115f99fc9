// A sampler is a list of stages: which ones a request runs, recorded once each, and what it writes to the GPU.
import { type KernelCache } from '../../gpu/kernels.ts';
import { type Ledger, settled } from '../../gpu/ledger.ts';
import { type Binding, type Dispatch, type Program, type Step, createProgram } from '../../gpu/program.ts';
import { type SamplingOptions } from '../../protocol.ts';
import { remembered } from '../../remembered.ts';
import { type SequenceBuffers } from '../operation.ts';
import { bias } from './bias.ts';
import { type SamplerBuffer, type SamplerScratch, type SamplerState, createSamplerState, isOfState, samplingSlices } from './buffers.ts';
import { drawn, greedy } from './choose.ts';
import { logprobs, records } from './logprobs.ts';
import { mask } from './mask.ts';
import { minP } from './min-p.ts';
import { penalties } from './penalties.ts';
import { type SamplerOptions, type SamplerStage, type Writing, whole } from './stage.ts';
import { temperature } from './temperature.ts';
import { topK } from './top-k.ts';
import { topP } from './top-p.ts';
import { typical } from './typical.ts';
import { type SamplingFields, packSampling, rowAt } from './uniform.ts';
import { xtc } from './xtc.ts';

/** In the order in which they apply, llama.cpp's: each is a file, and a new one belongs here and in `SamplingOptions`. */
const stages: readonly SamplerStage[] = [logprobs, bias, penalties, mask, topK, typical, topP, minP, xtc, temperature, greedy, drawn, records];
/** With those that are loaded when a request first asks for them. */
async function stagesFor({ dry }: SamplerOptions): Promise<readonly SamplerStage[]> {
  return dry ? stages.toSpliced(stages.indexOf(mask), 0, (await import('./rare/dry.ts')).dry) : stages;
}
/** Programs of all stages: each takes room for its parameters. */
export const samplerPrograms = stages.filter(({ dispatches }) => dispatches.length).length;

/** Where the records of chosen tokens are, and how many tokens each lists. */
export interface SamplerRecords {
  buffer: Binding;
  top: number;
}

/** What a request runs to choose each of its tokens. */
export interface Sampler {
  /** Compiles those of its stages that nobody has asked for before. Await it before `program` is read. Rejects with a CompileError or a BudgetError. */
  ready(): Promise<void>;
  /** Its stages, for each sequence of a step. */
  readonly program: Program;
  /** Whether tokens may be made ahead of the CPU; else `before` has a part in each. */
  ahead: boolean;
  /** Whether a mask may leave no token to choose. */
  masked: boolean;
  /** If log-probabilities are asked for. */
  recordsOf?(sequence: SequenceBuffers): SamplerRecords;
  /** Writes what the request asks into the buffers of its sequence. Call it before the first token; the sampler that was started last counts. */
  start(sequence: SequenceBuffers): void;
  /** Says which row of the logits are those of a sequence; the first one as a sampler starts. */
  setRow(sequence: SequenceBuffers, row: number): void;
  /** Where that row is read, 4 bytes, for who tells it on the GPU. */
  rowOf(sequence: SequenceBuffers): Required<Binding>;
  /** Call it before each token with those chosen so far. RequestError if no token may follow them. */
  before?(sequence: SequenceBuffers, chosen: readonly number[]): void;
}

/** RequestError if an option is out of range. */
export type SamplerFor = (options: SamplerOptions) => Promise<Sampler>;

/** A sampler that is ready, for who looks at its program or times what it runs. */
export async function compiled(samplerFor: SamplerFor, options: SamplerOptions): Promise<Sampler> {
  const sampler = await samplerFor(options);
  await sampler.ready();
  return sampler;
}

/** Checks all options; a RequestError names the first that is out of range. Gives what the kernels read. */
export function samplingFields(options: SamplingOptions): Partial<SamplingFields> {
  const { seed = 0 } = options;
  return Object.assign({ seed: whole('seed', seed, 0, 2 ** 32 - 1) }, ...stages.map(({ fields }) => fields?.(options))) as Partial<SamplingFields>;
}

export function createSamplers(device: GPUDevice, ledger: Ledger, kernels: KernelCache, vocab: number, scratch: SamplerScratch): SamplerFor {
  const states = new WeakMap<SequenceBuffers, SamplerState>();
  const stateOf = (sequence: SequenceBuffers): SamplerState => {
    let state = states.get(sequence);
    if (!state) {
      states.set(sequence, (state = createSamplerState(ledger, vocab, sequence)));
      sequence.whenClosed?.(() => recorded.forEach((program) => program.release(sequence)));
    }
    return state;
  };
  const bindingOf = (name: SamplerBuffer) => (isOfState(name, vocab) ? (sequence: SequenceBuffers) => stateOf(sequence)(name) : scratch(name));
  const slices = samplingSlices(vocab);

  const record = ({ name, dispatches }: SamplerStage): Promise<Program> =>
    createProgram(
      device,
      ledger,
      kernels,
      `sampler.${name}`,
      dispatches.map(({ kernel, files = [], consts, label = kernel, buffers, workgroups }): Dispatch => ({
        label: `sampler.${label}`,
        kernel: { kernel, files: ['state', 'sampling', ...files], ...(consts && { consts }) },
        bindings: Object.fromEntries((['sampling', ...buffers] as const).map((each) => [each, bindingOf(each)])),
        grid: () => [workgroups === 'slices' ? slices : 1],
      })),
    );
  const recorded = new Set<Program>();
  const recording = new Map<SamplerStage, Promise<Program>>();
  const recordNew = async (stage: SamplerStage): Promise<Program> => {
    const program = await record(stage);
    await settled(ledger, () => program.destroy());
    recorded.add(program);
    return program;
  };
  const recordOnce = (stage: SamplerStage): Promise<Program> => remembered(recording, stage, () => recordNew(stage));

  return async (options) => {
    const fields = { ...samplingFields(options), vocab, row: options.row ?? 0 };
    const asked = (await stagesFor(options)).filter((stage) => stage.dispatches.length && stage.asked(options));
    const begin: Writing[] = [
      { buffer: 'sampling', bytes: packSampling(fields, options.ends) },
      ...asked.flatMap((stage) => stage.start?.(options, vocab) ?? []),
    ];
    const before = asked.flatMap((stage) => stage.before?.(options, vocab) ?? []);
    let program: Program | undefined;
    const write = (sequence: SequenceBuffers, { buffer, bytes }: Writing) => device.queue.writeBuffer(stateOf(sequence)(buffer).buffer, 0, bytes);
    return {
      async ready() {
        program ??= inTurn(await Promise.all(asked.map(recordOnce)));
      },
      get program() {
        if (!program) throw new Error('The sampler is not compiled; call `ready` first.');
        return program;
      },
      ahead: before.length === 0,
      masked: asked.includes(mask),
      ...(asked.includes(records) && { recordsOf: (sequence: SequenceBuffers) => ({ buffer: stateOf(sequence)('records'), top: options.logprobs! }) }),
      start: (sequence) => begin.forEach((each) => write(sequence, each)),
      rowOf: (sequence) => ({ buffer: stateOf(sequence)('sampling').buffer, offset: rowAt, size: 4 }),
      setRow: (sequence, row) => device.queue.writeBuffer(stateOf(sequence)('sampling').buffer, rowAt, Uint32Array.of(row)),
      ...(before.length && { before: (sequence: SequenceBuffers, chosen: readonly number[]) => before.forEach((each) => write(sequence, each(chosen))) }),
    };
  };
}

/** The programs one after the other: all of them for a sequence before the next one's, as sequences share scratch. */
function inTurn(programs: readonly Program[]): Program {
  const dispatches = programs.flatMap((each) => each.dispatches);
  return {
    dispatches,
    encode(pass, steps, first = 0, end = dispatches.length) {
      for (const step of Array.isArray(steps) ? (steps as readonly Step[]) : [steps]) {
        let start = 0;
        for (const program of programs) {
          program.encode(pass, step as Step, Math.max(0, first - start), Math.min(program.dispatches.length, end - start));
          start += program.dispatches.length;
        }
      }
    },
    bind: (of) => programs.forEach((each) => each.bind(of)),
    release: (of) => programs.forEach((each) => each.release(of)),
    destroy: () => programs.forEach((each) => each.destroy()),
  };
}

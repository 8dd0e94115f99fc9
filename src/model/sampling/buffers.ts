// The buffers of sampling: those of a sequence, and scratch that all share. Each is made when a stage first names it.
import { wgslNumber } from '../../gpu/kernels.ts';
import { type Ledger } from '../../gpu/ledger.ts';
import { type Binding } from '../../gpu/program.ts';
import { type SequenceBuffers } from '../operation.ts';
import { samplingBytes } from './uniform.ts';

/** Tokens per workgroup of a pass over the vocabulary. */
const sliceTokens = wgslNumber('sampling', 'SliceTokens');

/** The largest vocabulary that the kernels can sum up: see shaders/parts/sampling.wgsl. */
export const mostVocab = 2 ** 20 - 1;

/** Most tokens that are listed with their probabilities: `MostTop` in the shaders. */
export const mostTop = 20;

/** Positions, one after the other, that have a record at the same time: `Records` in the shaders. A submit makes no more tokens. */
export const recordCount = 16;

/** Words of a record: logprob of the chosen token, then index and logprob of the listed ones. */
export const recordWords = 1 + 2 * mostTop;

/** Most tokens that a request may give a bias. */
export const mostBiases = 1024;

/** Room for the texts of several tokens that end repetitions: see shaders/kernels/rare/dry.wgsl. */
export const mostTailWords = 1024;

/** Workgroups of the kernels that read the vocabulary in slices, for a vocabulary of `vocab` tokens. */
export const samplingSlices = (vocab: number): number => Math.ceil(vocab / sliceTokens);

/** Bytes of what belongs to a sequence, beside its state and ids. */
const stateBytes = (vocab: number) => ({
  /** The uniform `Sampling`. */
  sampling: samplingBytes,
  /** (position % recordCount, recordWords) */
  records: 4 * recordCount * recordWords,
  /** (entry) token, bias */
  biases: 8 * mostBiases,
  /** (vocab / 32) */
  mask: 4 * Math.ceil(vocab / 32),
  /** `Dry` in shaders/kernels/rare/dry.wgsl */
  dry: 4 * (6 + Math.ceil(vocab / 32) + mostTailWords),
});

/** Bytes of what sampling needs for each sequence more, whatever its requests ask for. */
export const samplerStateBytes = (vocab: number): number => Object.values(stateBytes(vocab)).reduce((a, b) => a + b, 0);

/** Bytes of what a step needs while it chooses one token. All start zeroed. */
const scratchBytes = (vocab: number) => ({
  /** (slice) rank, index */
  best: 8 * samplingSlices(vocab),
  /** `Scratch` in sampling-bins.wgsl */
  scratch: 40 + 3 * 4 * 256,
  /** (vocab) rank, index */
  narrowed: 8 * vocab,
  /** (vocab) the logits before any stage */
  kept: 4 * vocab,
  /** (slice, 1 + mostTop) see logprobs.wgsl */
  listed: 8 * (1 + mostTop) * samplingSlices(vocab),
});

/** Bytes of all buffers of a sampler for a vocabulary of `vocab` tokens, whatever requests ask for. */
export const samplerBytes = (vocab: number): Record<string, number> => ({ ...stateBytes(vocab), ...scratchBytes(vocab) });

/** What belongs to one sequence: where it stands, and what its request asks. */
export type StateBuffer = 'state' | 'ids' | keyof ReturnType<typeof stateBytes>;
/** What all sequences share, as they choose one after the other. `counts` is `narrowed`, before it is used as that. */
export type ScratchBuffer = 'logits' | 'counts' | keyof ReturnType<typeof scratchBytes>;
export type SamplerBuffer = StateBuffer | ScratchBuffer;

export type SamplerState = (name: StateBuffer) => Binding;
export type SamplerScratch = (name: ScratchBuffer) => Binding;

/** Freed with the sequence. */
export const createSamplerState = (
  ledger: Ledger,
  vocab: number,
  { state, ids, whenClosed }: Pick<SequenceBuffers, 'state' | 'ids' | 'whenClosed'>,
): SamplerState => onDemand<StateBuffer>(ledger, { state, ids }, stateBytes(vocab), (buffer) => whenClosed?.(() => ledger.destroy(buffer)));

/** `logits`: (row, vocab) of f32. */
export function createSamplerScratch(ledger: Ledger, vocab: number, logits: Binding): SamplerScratch {
  const own = onDemand<ScratchBuffer>(ledger, { logits }, scratchBytes(vocab));
  return (name) => own(name === 'counts' ? 'narrowed' : name);
}

export const isOfState = (name: SamplerBuffer, vocab: number): name is StateBuffer => name === 'state' || name === 'ids' || name in stateBytes(vocab);

function onDemand<Name extends string>(
  ledger: Ledger,
  given: Partial<Record<Name, Binding>>,
  bytes: Record<string, number>,
  onMade: (buffer: GPUBuffer) => void = () => {},
): (name: Name) => Binding {
  const made = new Map<string, Binding>(Object.entries(given) as [string, Binding][]);
  return (name) => {
    let binding = made.get(name);
    if (!binding) {
      const usage = (name === 'sampling' ? GPUBufferUsage.UNIFORM : GPUBufferUsage.STORAGE) | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
      made.set(name, (binding = { buffer: ledger.create('activations', `sampler.${name}`, bytes[name], usage) }));
      onMade(binding.buffer);
    }
    return binding;
  };
}

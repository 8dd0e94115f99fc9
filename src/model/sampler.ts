// The programs that choose the next token on the GPU and advance the state: greedy, and by drawing.
import { type createKernelCache } from '../gpu/kernels.ts';
import { type Ledger } from '../gpu/ledger.ts';
import { type Dispatch, type Program, createProgram } from '../gpu/program.ts';
import { type SamplingOptions } from '../protocol.ts';
import { type Activations, type SequenceBuffers } from './operation.ts';
import { checkSampling, samplerBytes, samplingBytes, samplingSlices, samplingUniform } from './sampling.ts';

export interface Sampler {
  /**
   * Writes the options to the GPU; RequestError if one is out of range. Returns the program that follows them. Once it
   * has chosen one of `ends`, steps that are queued already change nothing.
   */
  choose(options: SamplingOptions & { seed: number }, ends?: readonly number[]): Program;
}

export async function createSampler(device: GPUDevice, ledger: Ledger, kernels: ReturnType<typeof createKernelCache>, { buffers }: Activations, vocab: number): Promise<Sampler> {
  const make = (label: string, size: number, usage = GPUBufferUsage.STORAGE) => ({ buffer: ledger.create('activations', `sampler.${label}`, size, usage | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST) });
  const bytes = samplerBytes(vocab);
  const sampling = make('sampling', samplingBytes, GPUBufferUsage.UNIFORM);
  const best = make('best', bytes.best);
  const scratch = make('scratch', bytes.scratch);
  const narrowed = make('narrowed', bytes.narrowed);
  const own = { state: (of: SequenceBuffers) => of.state, ids: (of: SequenceBuffers) => of.ids };
  const { logits } = buffers;
  const slices = samplingSlices(vocab);

  const files = ['state', 'sampling'];
  const argmax: Dispatch = { label: 'sampler.argmax', kernel: { kernel: 'argmax', files }, bindings: { sampling, logits, best }, grid: () => [slices] };
  const finish: Dispatch = { label: 'sampler.finish', kernel: { kernel: 'argmax-finish', files }, bindings: { sampling, best, ...own }, grid: () => [1] };
  const drawFiles = [...files, 'sampling-bins'];
  const draw: Dispatch[] = [
    { label: 'sampler.histogram', kernel: { kernel: 'sample-histogram', files: drawFiles }, bindings: { sampling, logits, best, scratch }, grid: () => [slices] },
    { label: 'sampler.narrow', kernel: { kernel: 'sample-narrow', files: drawFiles }, bindings: { sampling, logits, scratch, narrowed }, grid: () => [slices] },
    { label: 'sampler.draw', kernel: { kernel: 'sample', files: drawFiles }, bindings: { sampling, narrowed, scratch, ...own }, grid: () => [1] },
  ];
  const [greedy, drawn] = await Promise.all([
    createProgram(device, ledger, kernels, 'sampler.greedy', [argmax, finish]),
    createProgram(device, ledger, kernels, 'sampler.drawn', [argmax, ...draw]),
  ]);
  return {
    choose(options, ends) {
      const { temperature } = checkSampling(options);
      device.queue.writeBuffer(sampling.buffer, 0, samplingUniform(vocab, options, ends));
      return temperature === 0 ? greedy : drawn;
    },
  };
}

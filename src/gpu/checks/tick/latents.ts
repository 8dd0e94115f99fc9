// Checks of latents: those of fresh keys and values, turned back where positions turned them, and keys and values that are made of their codes again.
import { affineFormats } from '../../../kv/formats/affine.ts';
import { type KvFormat } from '../../../kv/formats/format.ts';
import { type LatentWeights, basisBytes, basisFloats, basisOf } from '../../../kv/latents/basis.ts';
import { restoreKernel, restoreShape } from '../../../kv/latents/restore.ts';
import { type KvLayer, type KvTick } from '../../../kv/policy.ts';
import { latentBytes, latentsOf } from '../../../kv/tick/latents.ts';
import { seal } from '../../../kv/tick/seal.ts';
import { openPage } from '../../../reference/kv/affine.ts';
import { turned } from '../../../reference/kv/kv-codes.ts';
import { latentsOf as expectedLatents, madeOf } from '../../../reference/kv/kv-latent.ts';
import { type Row } from '../../../reference/vectors.ts';
import { type Case, type Check, type Outcome } from '../check.ts';
import { f32, kvs } from '../heads.ts';
import { unpackPages } from '../pages.ts';
import { normals } from '../random.ts';
import { anglesOf, turningOf } from './codes.ts';
import { type Given, type Scene, nameOf, play, sceneOf } from './scene.ts';

const format = affineFormats.get('q4c')!;

/** More slots than the low table of angles has; of them those of whole pages are sealed. */
const sealed = 288;
const given = (kvHeads: number, headDim: number): Given =>
  ({ heads: kvHeads, kvHeads, headDim, set: new Array<number>(kvHeads).fill(0), length: 300, base: 0, since: 0, end: sealed });

interface Weights extends LatentWeights {
  /** What the reference has of them. */
  basis: Row[];
  bias: Float32Array<ArrayBuffer>;
}

async function weightsOf({ next, given: { kvHeads, headDim } }: Scene): Promise<Weights> {
  const n = kvHeads * headDim;
  const cols = 2 * n;
  const rows = normals(next, n * cols).map((x) => x / Math.sqrt(cols));
  const basis = await basisOf({ rows, cols });
  return { rows, cols, bias: Float32Array.from(normals(next, n)), basis: Array.from({ length: n }, (_, i) => [...basis.subarray(i * n, i * n + n)]) };
}

/** The layer with a set of latents alone, and its basis. */
function withLatents(scene: Scene, tick: KvTick, layer: KvLayer, queue: GPUQueue, given: Record<'floats' | 'table', Float32Array<ArrayBuffer>>) {
  const { heads } = layer;
  const put = (name: string, data: Float32Array<ArrayBuffer>) => {
    const buffer = tick.scratch(name, data.byteLength);
    queue.writeBuffer(buffer, 0, data);
    return buffer;
  };
  const basis = put('basis', given.floats);
  if (basis.size < basisBytes(heads)) throw new Error('The basis of a check is shorter than its kernels read.');
  const angles = { buffer: put('angles', given.table) };
  const pages = scene.pages.flat().length;
  scene.pages.forEach((_, head) => queue.writeBuffer(layer.lists, 4 * (2 * head + 1), Uint32Array.of(sealed)));
  const set = { ...layer.sets[0], format, planes: undefined, pages: tick.scratch('codes', 4 * pages * format.words(heads.headDim)) };
  return { own: { ...layer, basis, sets: [set] }, angles, restored: tick.scratch('restored', 4 * pages * layer.fresh.format.words(heads.headDim)) };
}

function latentCase([kvHeads, headDim]: [number, number], dims: number, halves: boolean, kv: KvFormat): Case {
  const scene = sceneOf(`latents ${dims}`, given(kvHeads, headDim), kv);
  const turning = turningOf(dims, halves);
  const turn = { FirstAngle: 0, RopeDims: dims, Halves: halves ? 1 : 0 };
  return {
    name: `${nameOf(scene.given)}, ${dims} numbers turned ${halves ? 'by halves' : 'by pairs'}`,
    async run(bench): Promise<Outcome> {
      const weights: [Weights, Weights] = [await weightsOf(scene), await weightsOf(scene)];
      const floats = await basisFloats({ kvHeads, headDim }, weights, kv);
      return play(bench, scene, (tick, layer) => {
        const { own, angles, restored } = withLatents(scene, tick, { ...layer, turn }, bench.gpu.device.queue, { floats, table: anglesOf(turning) });
        const latents = tick.scratch('latents', latentBytes([own.heads], sealed));
        tick.dispatch(latentsOf({ angles }, own, latents, 0, sealed));
        tick.dispatch(seal({ ...own, fresh: { format: f32, pages: latents } }, 0, format, 0, sealed));
        tick.dispatch({
          label: 'restore', kernel: restoreKernel({ heads: own.heads, format, fresh: kv, turn }),
          params: { kv_heads: kvHeads, head_vec4s: Math.ceil(headDim / 4), set_index: 0 },
          bindings: { pages: own.sets[0].pages, lists: own.lists, restored, basis: own.basis, angles },
          grid: [sealed / restoreShape(own.heads).Slots, kvHeads, 2],
        });
        return async ({ words }) => {
          const made = await words(latents);
          const [codes, again] = [await words(own.sets[0].pages), await words(restored)];
          return outcomeOf(scene, weights, { latents: made, codes, again }, (key, position, sign) => turned(key, position, turning, sign));
        };
      });
    },
  };
}

/** Latents against the reference, and what is made again against what the codes stand for. */
function outcomeOf(
  { given: { kvHeads, headDim }, keys, values, pages, kv }: Scene,
  weights: [Weights, Weights],
  words: Record<'latents' | 'codes' | 'again', Uint32Array>,
  turn: (key: Row, position: number, sign: 1 | -1) => number[],
): Outcome {
  const outcome = { found: [] as number[], expected: [] as number[] };
  const n = kvHeads * headDim;
  const heads = [...new Array<number>(kvHeads).keys()];
  const turnedAll = (row: Row, position: number, sign: 1 | -1) => heads.flatMap((h) => turn(row.slice(h * headDim, (h + 1) * headDim), position, sign));
  const numbersIn = (all: Uint32Array, of: KvFormat, page: number) => {
    const numbers = (what: 'keys' | 'values') => unpackPages({ kvHeads: 1, headDim, kv: of }, what, all.buffer, 32, () => page);
    return { keys: numbers('keys'), values: numbers('values') };
  };
  const codesIn = (page: number) => openPage(format, headDim, words.codes.subarray(page * format.words(headDim), (page + 1) * format.words(headDim)));
  for (let first = 0; first < sealed; first += 32) {
    const plain = heads.map((head) => numbersIn(words.latents, f32, (first / 32) * kvHeads + head));
    const coded = heads.map((head) => codesIn(pages[head][first / 32]));
    const again = heads.map((head) => numbersIn(words.again, kv, pages[head][first / 32]));
    for (let slot = 0; slot < 32; slot += 5) {
      const position = first + slot;
      (['keys', 'values'] as const).forEach((what, part) => {
        const row = [...(what === 'keys' ? keys : values).subarray(position * n, position * n + n)];
        const { basis, bias } = weights[part];
        const rowIn = (all: readonly Record<typeof what, Float32Array>[]) =>
          all.flatMap((page) => [...page[what].subarray(slot * headDim, (slot + 1) * headDim)]);
        const made = madeOf(rowIn(coded), basis, [...bias]);
        outcome.found.push(...rowIn(plain), ...rowIn(again));
        const isKey = what === 'keys';
        outcome.expected.push(
          ...expectedLatents(isKey ? turnedAll(row, position, -1) : row, basis, [...bias]), ...(isKey ? turnedAll(made, position, 1) : made),
        );
      });
    }
  }
  return outcome;
}

export const latentChecks = (): Check[] => [
  {
    name: 'kv-latents and kv-restore, f32', tolerance: 5e-5, choice: { kv: f32.name },
    cases: [latentCase([2, 32], 16, true, f32), latentCase([3, 6], 4, false, f32), latentCase([1, 256], 256, true, f32)],
  },
  ...kvs.filter(({ name }) => name === 'f16').map((kv): Check => ({
    name: 'kv-latents and kv-restore, f16', tolerance: 4e-3, choice: { kv: kv.name }, cases: [latentCase([2, 64], 64, false, kv)],
  })),
];

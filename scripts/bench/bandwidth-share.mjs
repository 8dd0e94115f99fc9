// @ts-check
// Estimates what share of a GPU's memory bandwidth decode reaches, from the shapes of a model and what is assumed of the GPU; nothing is measured.
//   node scripts/bench/bandwidth-share.mjs
// A dispatch takes as long as its weights take to be read, the gap to the next one, and for each phase in which a workgroup stages activations (2048 columns)
// the barriers of that phase; where a compute unit has few waves, no other one reads meanwhile, so that a phase also costs what a read takes to come back.
import { fileURLToPath } from 'node:url';

/** An RX 7900 XTX, as it is published, and latencies as they were published for cards of its kind. */
export const assumed = {
  bytesPerSecond: 960e9, units: 96, simdsOfUnit: 2, wavesThatHide: 3,
  gapSeconds: 5e-6, phaseSeconds: 0.8e-6, exposedSeconds: 1.3e-6, phaseColumns: 2048, attentionSeconds: 10e-6,
};

/** Bytes of a weight. */
const [q4k, q6k] = [144 / 256, 210 / 256];

/** @typedef {{ layers: number, dim: number, ff: number, kv: number, vocab: number }} Sizes `kv`: rows of keys, as many of values. */
/** @type {Record<string, Sizes>} */
export const models = {
  '1B': { layers: 16, dim: 2048, ff: 8192, kv: 512, vocab: 128256 },
  '8B': { layers: 32, dim: 4096, ff: 14336, kv: 1024, vocab: 128256 },
};

/**
 * How decode is divided. `rows`: of a workgroup; `waves`: of 64 threads that it has; `others`: dispatches of a layer beside the four products and attention.
 * `before`: seven dispatches of a layer, 32 rows of a workgroup; `now`: five, and as few rows as fill the GPU, which is measured there.
 * @type {Record<string, { rows: (rows: number) => number, waves: number, others: number }>}
 */
export const ways = {
  before: { rows: () => 32, waves: 4, others: 2 },
  now: { rows: (rows) => (rows <= 8192 ? 8 : 32), waves: 4, others: 0 },
};

/** Seconds of a product of `rows` times `columns`. @param {number} rows @param {number} columns @param {number} each bytes of a weight @param {string} way */
export function productSeconds(rows, columns, each, way) {
  const { rows: of, waves } = ways[way];
  const { bytesPerSecond, units, simdsOfUnit, wavesThatHide, gapSeconds, phaseSeconds, exposedSeconds, phaseColumns } = assumed;
  const hides = ((rows / of(rows)) * waves) / (units * simdsOfUnit) >= wavesThatHide;
  const phases = Math.ceil(columns / phaseColumns);
  return (rows * columns * each) / bytesPerSecond + gapSeconds + phases * (phaseSeconds + (hides ? 0 : exposedSeconds));
}

/** Seconds of a token and its share of the bandwidth. @param {string} name @param {string} way */
export function tokenOf(name, way) {
  const { layers, dim, ff, kv, vocab } = models[name];
  /** @type {[number, number, number][]} */
  const products = [[dim + 2 * kv, dim, q4k], [dim, dim, q4k], [2 * ff, dim, q4k], [dim, ff, q4k]];
  const layer = products.reduce((sum, product) => sum + productSeconds(...product, way), 0) + assumed.attentionSeconds + ways[way].others * assumed.gapSeconds;
  const bytes = layers * products.reduce((sum, [rows, columns, each]) => sum + rows * columns * each, 0) + vocab * dim * q6k;
  const seconds = layers * layer + productSeconds(vocab, dim, q6k, way);
  return { seconds, share: bytes / assumed.bytesPerSecond / seconds };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log('Assumed:', JSON.stringify(assumed));
  for (const name of Object.keys(models)) {
    const told = Object.keys(ways).map((way) => {
      const { seconds, share } = tokenOf(name, way);
      return `${way} ${(1000 * seconds).toFixed(2)} ms, ${Math.round(100 * share)} % of the bandwidth`;
    });
    console.log(`${name} in Q4_K: ${told.join('; ')}`);
  }
}

// What is older than a window of tokens is sealed in codes of levels that the first page finds, keys as they were before their positions turned them, with the
// numbers that are furthest out and the first positions as they are (KVQuant, arXiv 2401.18079; without what needs gradients). Nothing is forgotten.
import { levelsFormat } from '../../formats/sealed/levels.ts';
import { checkOption, checkWhole } from '../../options.ts';
import { type Policy } from '../../policy.ts';
import { oneSet } from '../../set-bytes.ts';
import { fillTo, pageEndOf } from '../../tick/evict.ts';
import { findLevels, levelsBytes, sealLevels } from '../../tick/levels.ts';

const kvquant = (bits: number): Policy => ({
  name: `kvquant${bits}`,
  /** `outliers`: the share of numbers that are kept by themselves; `sinks`: positions that are kept as they are. */
  options: { window: 32, interval: 32, outliers: 0.01, sinks: 4 },
  plan(model, { context, format }, { window, interval, outliers, sinks }) {
    checkWhole('window', window, 0);
    checkWhole('interval', interval, 1, 256);
    checkWhole('sinks', sinks, 0, 32);
    checkOption('outliers', outliers, { least: 0, most: 0.1, fractions: true });
    const shaped = model.heads.filter((_, layer) => !model.windows[layer]);
    const layers = oneSet(model, format, () => context)
      .map((sets, layer) => sets.map((set) => ({ ...set, format: levelsFormat({ bits, outliers, sinks }, model.heads[layer].headDim) })));
    return { peak: 'bounded', window, interval, planes: [], rewinds: 'pages', scratchBytes: levelsBytes(shaped, bits), layers };
  },
  async tick(kv) {
    const end = pageEndOf(kv);
    if (end === kv.base) return;
    await fillTo(kv, end);
    if (kv.base === 0) await findLevels(kv);
    sealLevels(kv, kv.base, end);
    kv.advance(end);
  },
});

export const policies = [4, 3, 2].map(kvquant);

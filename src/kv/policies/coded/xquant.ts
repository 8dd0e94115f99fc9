// What is older than a window of tokens is sealed as codes of latents: what a layer's input is in the basis of the weights that make keys, and values, of it.
// Keys and values are made of them again in every step, one layer at a time (XQuant, arXiv 2508.10395, its form for grouped queries). Nothing is forgotten.
import { affineFormats } from '../../formats/affine.ts';
import { basisBytes } from '../../latents/basis.ts';
import { checkWhole } from '../../options.ts';
import { type Policy } from '../../policy.ts';
import { oneSet, ringSlots } from '../../set-bytes.ts';
import { fillTo, pageEndOf } from '../../tick/evict.ts';
import { latentBytes, sealLatents } from '../../tick/latents.ts';
import { sourceOf } from '../../tick/seal.ts';
import { sum } from '../../../sum.ts';

function xquant(bits: number): Policy {
  const format = affineFormats.get(`q${bits}c`)!;
  return {
    name: `xquant${bits}`,
    options: { window: 32, interval: 32 },
    plan(model, room, { window, interval }) {
      checkWhole('window', window, 0);
      checkWhole('interval', interval, 1, 256);
      sourceOf(room); // what is made again is in the format of fresh slots too
      const shaped = model.heads.filter((_, layer) => !model.windows[layer]);
      const layers = oneSet(model, format, () => room.context).map((sets) => sets.map((set) => ({ ...set, latent: true as const })));
      const plan = { peak: 'bounded' as const, window, interval, planes: [], rewinds: 'pages' as const, layers };
      return { ...plan, scratchBytes: latentBytes(shaped, ringSlots(plan, room)), sharedBytes: sum(shaped.map(basisBytes)) };
    },
    async tick(kv) {
      const end = pageEndOf(kv);
      if (end === kv.base) return;
      await fillTo(kv, end);
      sealLatents(kv, format, kv.base, end);
      kv.advance(end);
    },
  };
}

export const policies = [4, 3, 2].map(xquant);

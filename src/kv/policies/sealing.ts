// Keys and values in few bits: what is older than a window of tokens is sealed in codes, nothing is forgotten. By token as it leaves the window, or
// with keys by channel page by page (KIVI, arXiv 2402.02750).
import { type AffineFormat, affineFormats } from '../formats/affine.ts';
import { pageSlots } from '../formats/format.ts';
import { checkWhole } from '../options.ts';
import { type Policy } from '../policy.ts';
import { seal } from '../tick/seal.ts';

function sealing(name: string, label: string, format: AffineFormat, window: number): Policy {
  const wholePages = format.keysBy === 'channel';
  return {
    name,
    label,
    options: { window, interval: 32 },
    plan({ heads, windows }, { context }, options) {
      checkWhole('window', options.window, 0);
      checkWhole('interval', options.interval, 1, 256);
      return {
        peak: 'bounded', window: options.window, interval: options.interval, planes: [], rewinds: wholePages ? 'pages' : 'slots',
        layers: heads.map(({ kvHeads }, layer) => (windows[layer] ? [] : [{ format, mostSlots: new Array<number>(kvHeads).fill(context) }])),
      };
    },
    async tick(kv) {
      const past = Math.max(kv.base, kv.length - kv.plan.window);
      const end = wholePages ? Math.max(kv.base, Math.floor(past / pageSlots) * pageSlots) : past;
      if (end === kv.base) return;
      for (const layer of kv.layers) {
        const [set] = layer.sets;
        const counts = set.counts.map(() => end);
        await kv.makeRoom(set, counts);
        kv.setCounts(set, counts);
        kv.dispatch(seal(layer, 0, format, kv.base, end));
      }
      kv.advance(end);
    },
  };
}

const format = (name: string) => affineFormats.get(name)!;

export const policies: readonly Policy[] = [
  sealing('q4', '4 bits: about a third of the room, some loss', format('q4t'), 0),
  sealing('q2', '2 bits: a fifth of the room, for large models at most', format('q2t'), 0),
  sealing('kivi4', '4 bits, keys by channel: a third of the room, nearly no loss', format('q4c'), 32),
  sealing('kivi3', '3 bits, keys by channel: a quarter of the room, little loss', format('q3c'), 32),
  sealing('kivi2', '2 bits, keys by channel: a fifth of the room, for large models at most', format('q2c'), 32),
];

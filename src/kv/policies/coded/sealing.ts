// Keys and values in few bits: what is older than a window of tokens is sealed in codes, nothing is forgotten. By token as it leaves the window, or
// with keys by channel page by page (KIVI, arXiv 2402.02750), or with keys in blocks of channels of like size.
import { affineFormats, blockFormats } from '../../formats/affine.ts';
import { type SealedFormat } from '../../formats/format.ts';
import { sealedQ8 } from '../../formats/sealed/packed.ts';
import { checkWhole } from '../../options.ts';
import { type Policy } from '../../policy.ts';
import { oneSet } from '../../set-bytes.ts';
import { endOf, pageEndOf } from '../../tick/evict.ts';
import { sealAll } from '../../tick/seal.ts';

function sealing(name: string, format: SealedFormat, window: number, wholePages = false): Policy {
  return {
    name,
    options: { window, interval: 32 },
    plan(model, { context }, options) {
      checkWhole('window', options.window, 0);
      checkWhole('interval', options.interval, 1, 256);
      return {
        peak: 'bounded', window: options.window, interval: options.interval, planes: [], rewinds: wholePages ? 'pages' : 'slots',
        layers: oneSet(model, format, () => context),
      };
    },
    async tick(kv) {
      const end = wholePages ? pageEndOf(kv) : endOf(kv);
      if (end === kv.base) return;
      await sealAll(kv, 0, format, end, ({ heads: { kvHeads } }) => new Array<number>(kvHeads).fill(end));
      kv.advance(end);
    },
  };
}

const format = (name: string) => affineFormats.get(name)!;

export const policies: readonly Policy[] = [
  sealing('q4', format('q4t'), 0),
  sealing('q2', format('q2t'), 0),
  sealing('q8-later', sealedQ8, 0),
  sealing('kivi4', format('q4c'), 32, true),
  sealing('kivi3', format('q3c'), 32, true),
  sealing('kivi2', format('q2c'), 32, true),
  sealing('permuted4', blockFormats.get('q4b')!, 32, true),
  sealing('permuted3', blockFormats.get('q3b')!, 32, true),
];

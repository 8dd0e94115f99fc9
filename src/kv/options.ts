// What options of policies have to be.
import { RequestError } from '../errors.ts';
import { pageSlots } from './formats/format.ts';

/** RequestError unless it is a whole number within these. */
export function checkWhole(name: string, value: number, least: number, most = Infinity): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new RequestError(`${name} is ${value}; it has to be a whole number ${most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`}.`);
}

interface Bounds {
  least: number;
  /** Default: the context. */
  most?: number;
  /** Default: whole ones alone. */
  fractions?: true;
  odd?: true;
  oneOf?: readonly number[];
}

const part: Bounds = { least: 0, most: 1, fractions: true };
const flag: Bounds = { least: 0, most: 1 };
const length: Bounds = { least: 1 };

/** By name, which means the same in every policy that has it. */
const bounds: Readonly<Record<string, Bounds>> = {
  share: part, floor: part, alpha: part, low: part, high: part, read: part, alike: part, hot: part, salient: part, positions: flag, gather: flag,
  lag: flag, away: flag, fetch: { least: 0, most: 1 << 30 }, memory: { least: 0, most: 1 << 20, fractions: true },
  window: length, recent: length, size: length, part: { least: 4, most: pageSlots, oneOf: [4, 8, 16, 32] }, reuse: { least: 1, most: 256 },
  parts: { least: 1, most: 64 }, span: { least: 0 }, rank: { least: 1, most: 1 << 16 }, outliers: part,
  period: { least: 1, most: 1 << 20 }, observed: length,
  least: { least: 0 }, interval: { least: 1, most: 256 }, layers: { least: 1, most: 1024 }, beta: { least: 1, most: 1024, fractions: true },
  kernel: { least: 1, odd: true }, bits: { least: 2, most: 4, oneOf: [2, 4] },
  fewer: { least: 2, most: 4, oneOf: [2, 3, 4] },
  samples: { least: 1, most: 4096 }, planes: { least: 1, most: 8 }, sinks: { least: 0, most: pageSlots },
  chunk: { least: 64, most: 512, oneOf: [64, 128, 256, 512] },
};

/** RequestError for a setting that is not within its bounds. */
export function checkOption(name: string, value: number, { least, most, fractions, odd, oneOf }: Bounds & { most: number }): void {
  const fits = value >= least && value <= most && (fractions || Number.isInteger(value)) && (!odd || value % 2 === 1) && (!oneOf || oneOf.includes(value));
  if (fits) return;
  const kind = fractions ? 'a number' : odd ? 'an odd number' : 'a whole number';
  throw new RequestError(`kvOptions.${name} is ${value}; it must be ${oneOf ? `one of ${oneOf.join(', ')}` : `${kind} from ${least} to ${most}`}.`);
}

/** Of runs that are chosen by what is known of parts of pages. */
export const checkRunSize = (size: number): void => checkOption('size', size, { least: 8, most: pageSlots, oneOf: [8, 16, 32] });

/** The same for all that have bounds by their name. */
export function checkOptions(options: Readonly<Record<string, number>>, context: number): void {
  for (const [name, value] of Object.entries(options)) {
    if (Object.hasOwn(bounds, name)) checkOption(name, value, { ...bounds[name], most: bounds[name].most ?? context });
  }
}

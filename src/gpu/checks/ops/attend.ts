// Checks of attention, of many rows and of one, over one segment and several, over keys and values in every format.
import { kvFormat } from '../../../kv/formats/catalogue.ts';
import { affineFormats } from '../../../kv/formats/affine.ts';
import { type KvFormat, type PageFormat, pageSlots } from '../../../kv/formats/format.ts';
import { type LevelsFormat, levelsFormat } from '../../../kv/formats/sealed/levels.ts';
import { type AttentionChoice, type Mode, type KernelChoice, attentions, plainAttention, usualAttention } from '../../../model/choices/kernel-choice.ts';
import { type Attend, attend, rowsOfMany } from '../../../model/ops/attend.ts';
import { turnsQueries } from '../../../model/blocks/decode-attention.ts';
import { isWide, lanesOf } from '../../../model/blocks/products.ts';
import { attention } from '../../../reference/attend.ts';
import { type Case, type Check, type Outcome } from '../check.ts';
import { decodeChoice } from '../choice.ts';
import { type Heads, concat, f32, kvs, nameOfHeads } from '../heads.ts';
import { packLevels, turnOf } from '../levels.ts';
import { type Model, type OperationChecks } from '../operation-checks.ts';
import { type Held, type PageShape, packPages, raggedPages, stored, unpackPages } from '../pages.ts';
import { normals, random } from '../random.ts';
import { type Turned, ropeOf, turnedCase } from '../turned.ts';
import { type Setting, tablesAt, withStage } from '../workbench.ts';

interface Attended extends Heads {
  /** Fresh slots seen by the last row. */
  length: number;
  tokens: number;
  window?: number;
  scale?: number;
  softcap?: number;
  /** Each head has a score without a value. */
  sinks?: boolean;
  /** Scores are this many times as far apart. */
  sharpness?: number;
  /** Row of the activations that the step begins at. Default 0. */
  first?: number;
  /** Older slots, so many of every kv head; one of them at most in levels. */
  sets?: { kv: PageFormat; slots: number[] }[];
}

const nameOf = (given: Attended): string =>
  [
    `${nameOfHeads(given)}, ${given.tokens} tokens up to ${given.length}`,
    given.window && `window ${given.window}`,
    given.softcap && `capped at ${given.softcap}`,
    given.sinks && 'with sinks',
    (given.sharpness ?? 1) > 1 && 'sharp',
    given.first && `row ${given.first}`,
    ...(given.sets ?? []).map(({ kv, slots }) => `${slots.join('/')} slots in ${kv.name}`),
  ]
    .filter(Boolean)
    .join(', ');

function attendCase(given: Attended, mode: Mode, choice: KernelChoice, kv: KvFormat): Case {
  const { heads, kvHeads, headDim, length, tokens, window, softcap, scale = headDim ** -0.5, sharpness = 1, first = 0, sets = [] } = given;
  const label = nameOf(given);
  return {
    name: label,
    async run(bench): Promise<Outcome> {
      const next = random(label);
      const base = Math.max(0, ...sets.map(({ slots }) => Math.max(...slots)));
      const position = base + length - tokens;
      const queries = normals(next, tokens * heads * headDim, sharpness);
      const numbers = (slots: number) => normals(next, slots * kvHeads * headDim);
      const leveled = sets.find((set): set is { kv: LevelsFormat; slots: number[] } => set.kv.turned === true);
      const levels = leveled && packLevels({ kvHeads, headDim, kv: leveled.kv }, leveled.slots, tablesAt(sets.map(({ slots }) => slots)), next);
      const older = sets.map(({ kv, slots }) => (kv.turned && levels ? levels :
        packSet({ kvHeads, headDim, kv }, { slots, keys: numbers(Math.max(...slots)), values: numbers(Math.max(...slots)) })));
      const turns: Partial<Setting> = levels ? { rope: turnOf(headDim).rope, tables: levels.tables } : {};
      const setsOf = sets.map((set) => ({ ...set, ...(set.kv.turned && { turned: turnOf(headDim).turned }) }));
      const kept = () => stored({ kv, headDim }, numbers(length));
      const fresh = { slots: new Array<number>(kvHeads).fill(length), keys: kept(), values: kept() };
      const sinks = given.sinks ? normals(next, heads, 2) : undefined;
      const op = attend({ layer: 0, scale, window, softcap, sinks: sinks && 'sinks' });
      const tensors: Setting['tensors'] = sinks && { sinks: { type: 'F32', shape: [heads], bytes: new Uint8Array(sinks.buffer) } };
      const found = await withStage(
        bench,
        { config: { heads, kvHeads, headDim }, choice, kv, op, tensors, mode, tokens, position, first, base, sets: setsOf, ...turns },
        async (stage) => {
          const vec4s = Math.ceil(headDim / 4);
          const padded = new Float32Array(tokens * heads * vec4s * 4);
          queries.forEach((value, i) => (padded[Math.floor(i / headDim) * vec4s * 4 + (i % headDim)] = value));
          stage.write('query', padded, heads * vec4s * 4);
          older.forEach(({ bytes }, i) => bench.gpu.device.queue.writeBuffer(stage.segments[i], 0, bytes));
          const pages = stage.segments[sets.length];
          bench.gpu.device.queue.writeBuffer(pages, 0, packRing({ kvHeads, headDim, kv }, fresh, pages.size, base));
          await stage.run(stage.dispatches);
          return stage.read('attended', tokens, heads * headDim);
        },
      );
      const expected = attendedTo(given, queries, [...older.map(({ held }) => held), fresh], { scale, window, softcap, sinks });
      // A result is a mean of values: it is as exact as the scores, whose size grows with sharpness.
      return { found, expected, scale: new Float32Array(found.length).fill(sharpness) };
    },
  };
}

/** A set's pages, and the numbers that they hold. */
function packSet(shape: PageShape, { slots, ...given }: Held): { bytes: Uint8Array<ArrayBuffer>; held: Held } {
  const { pages, pageOf } = raggedPages(slots);
  const bytes = packPages(shape, { slots, ...given }, 4 * shape.kv.words(shape.headDim) * pages, pageOf);
  const of = (what: 'keys' | 'values') => unpackPages(shape, what, bytes.buffer, Math.max(...slots), pageOf);
  return { bytes, held: { slots, keys: of('keys'), values: of('values') } };
}

/** The bytes of a ring of pages that has these in the slots from `base` on. */
function packRing(shape: PageShape, { slots, keys, values }: Held, bytes: number, base: number): Uint8Array<ArrayBuffer> {
  if (!base) return packPages(shape, { slots, keys, values }, bytes);
  const width = shape.kvHeads * shape.headDim;
  const capacity = pageSlots * Math.floor(bytes / (4 * shape.kvHeads * shape.kv.words(shape.headDim)));
  const turned = (numbers: Float32Array) => {
    const all = new Float32Array(capacity * width).fill(40);
    for (let slot = 0; slot < slots[0]; slot++) all.set(numbers.subarray(slot * width, (slot + 1) * width), ((base + slot) % capacity) * width);
    return all;
  };
  return packPages(shape, { slots: slots.map(() => capacity), keys: turned(keys), values: turned(values) }, bytes);
}

/** The reference of each kv head for itself, over the slots that it has in all segments, the fresh ones last. */
function attendedTo(
  { heads, kvHeads, headDim, tokens }: Attended,
  queries: Float32Array,
  segments: Held[],
  how: { scale: number; window?: number; softcap?: number; sinks?: Float32Array },
): Float32Array {
  const result = new Float32Array(queries.length);
  const width = (heads / kvHeads) * headDim;
  for (let head = 0; head < kvHeads; head++) {
    const of = (what: 'keys' | 'values') =>
      concat(
        segments.flatMap((held) =>
          Array.from({ length: held.slots[head] }, (_, slot) => held[what].subarray((slot * kvHeads + head) * headDim, (slot * kvHeads + head + 1) * headDim)),
        ),
      );
    const group = (t: number) => (t * kvHeads + head) * width;
    const own = concat(Array.from({ length: tokens }, (_, t) => queries.subarray(group(t), group(t) + width)));
    const position = segments.reduce((sum, { slots }) => sum + slots[head], 0) - tokens;
    const sinks = how.sinks?.subarray((head * heads) / kvHeads, ((head + 1) * heads) / kvHeads);
    const found = attention({ queries: own, keys: of('keys'), values: of('values'), heads: heads / kvHeads, kvHeads: 1, headDim, position, ...how, sinks });
    for (let t = 0; t < tokens; t++) result.set(found.subarray(t * width, (t + 1) * width), group(t));
  }
  return result;
}

/** exp of a score off by 2^-21 of up to some dozens, times values of size 1. */
const attendTolerance = 1e-5;

const headDims = [8, 64, 80, 96, 128, 256];
const groupings = [[2, 2], [3, 1], [8, 2], [7, 1], [9, 1]];
const lengths = [1, 31, 32, 33, 129, 300];
const windows = [undefined, 5, 32, 100];

/** Each of the group sizes with every length; windows go round. */
const decoded = (headDim: number, groups: number[][]): Attended[] =>
  groups.flatMap(([heads, kvHeads], g) =>
    lengths.map((length, l) => ({ heads, kvHeads, headDim, length, tokens: 1, window: windows[(g + l) % 4], sharpness: (g + l) % 5 === 4 ? 8 : 1 })));

/** Of one row the kernels of decode are recorded for. */
const several = (length: number): number => Math.max(2, length);

/** Every length once as a whole prompt, once as the end of one; group sizes and windows go round. */
const prefilled = (headDim: number): Attended[] =>
  lengths.map(several).flatMap((length, l) =>
    [length, Math.min(length, 2 + 9 * (l % 4))].map((tokens, k) => {
      const [heads, kvHeads] = groupings[(l + 2 * k) % groupings.length];
      return {
        heads: tokens > 129 ? 3 : heads,
        kvHeads: tokens > 129 ? 1 : kvHeads,
        headDim,
        length,
        tokens,
        window: windows[(l + k) % 4],
        sharpness: l % 5 === 4 ? 8 : 1,
      };
    }));

const kernels = { decode: 'attention-decode', prefill: 'attention' };

const attendCheck = (mode: Mode, headDim: number, kv: KvFormat, cases: Attended[], attention = usualAttention): Check => ({
  name: `${kernels[mode]}, heads of ${headDim}, ${kv.name}`, tolerance: attendTolerance, choice: { kv: kv.name },
  cases: cases.map((each) => attendCase(each, mode, decodeChoice(attention), kv)),
});

/** The kernel that attends for many rows. */
const manyOf = ({ prefill, part }: Partial<KernelChoice>): string => (prefill && isWide(prefill) && !part ? 'attention-wide' : kernels.prefill);

/** Keys and values that some threads of a subgroup read together. */
const sharedCheck = (prefill: KernelChoice['prefill'], headDim: number, kv: KvFormat): Check => ({
  name: `${manyOf({ prefill })} by ${lanesOf(prefill)}, heads of ${headDim}, ${kv.name}`, tolerance: attendTolerance, choice: { prefill },
  cases: prefilled(headDim).map((each) => attendCase(each, 'prefill', decodeChoice({ prefill }), kv)),
});

/** Heads that are shared among threads, evenly or not, which each reckon their part or have it from their subgroup. */
const partsCheck = (choice: Partial<KernelChoice>, headDim: number, kv: KvFormat): Check => ({
  name: `attention by ${wordsOfParts(choice)}, heads of ${headDim}, ${kv.name}`, tolerance: attendTolerance, choice,
  cases: prefilled(headDim).map((each) => attendCase(each, 'prefill', decodeChoice(choice), kv)),
});

const wordsOfParts = ({ part, uniform, lanes }: Partial<KernelChoice>): string =>
  [`parts of ${part}`, uniform && 'of a subgroup each', lanes && `${lanes} reading together`].filter(Boolean).join(', ');

/** All sizes of parts, by threads and by subgroups, read alone and together; sizes of heads and formats go round. */
const partsChecks = (): Check[] => [
  partsCheck({ part: 32 }, 80, kvFormat('q8')), partsCheck({ part: 64, uniform: 64 }, 128, kvFormat('q8')),
  partsCheck({ part: 16, uniform: 32, lanes: 4 }, 128, kvFormat('f16')), partsCheck({ part: 16 }, 80, kvFormat('f16')),
];

/** Two or three segments of other formats than each other, ragged, of awkward sizes, empty ones too; rows that do not begin at 0. */
const joined: Attended[] = [
  { heads: 3, kvHeads: 1, headDim: 64, length: 1, tokens: 1, sets: [{ kv: kvFormat('q8'), slots: [1] }], first: 1 },
  {
    heads: 4,
    kvHeads: 2,
    headDim: 64,
    length: 33,
    tokens: 1,
    sets: [
      { kv: kvFormat('f16'), slots: [33, 31] },
      { kv: kvFormat('q8'), slots: [300, 7] },
    ],
  },
  { heads: 9, kvHeads: 1, headDim: 80, length: 129, tokens: 1, sets: [{ kv: kvFormat('q8'), slots: [257] }], sharpness: 8 },
  {
    heads: 4,
    kvHeads: 4,
    headDim: 6,
    length: 5,
    tokens: 1,
    sets: [
      { kv: f32, slots: [0, 40, 0, 1] },
      { kv: kvFormat('f16'), slots: [0, 0, 128, 0] },
    ],
    first: 3,
  },
];

const howOf = (choice: Partial<KernelChoice>): string | number | undefined =>
  choice.span ? `${choice.span} in ${choice.threads}` : choice.prefill ? lanesOf(choice.prefill) : choice.part && wordsOfParts(choice);

const severalCheck = (mode: Mode, kv: KvFormat, choice: Partial<KernelChoice>): Check => ({
  name: `${[mode === 'prefill' ? manyOf(choice) : kernels[mode], howOf(choice)].filter(Boolean).join(' by ')}, several segments, the fresh one in ${kv.name}`,
  tolerance: attendTolerance,
  choice: { kv: kv.name, ...choice },
  cases: joined.map((each) =>
    attendCase(
      mode === 'decode' ? each : { ...each, length: several(each.length), tokens: Math.min(several(each.length), 31) },
      mode,
      decodeChoice(choice),
      kv,
    ),
  ),
});

/** A split, one more position, several splits, with and without a window; so many heads in a group that there is no room for the largest span. */
const spanCheck = ({ span, threads }: AttentionChoice): Check => ({
  name: `attention-decode by ${span} in ${threads}`,
  tolerance: attendTolerance,
  choice: { span, threads },
  cases: [span, span + 1, 1100, 600].map((length, l) =>
    attendCase(
      { heads: l === 3 && span === 512 ? 8 : 3, kvHeads: 1, headDim: 64, length, tokens: 1, window: [undefined, 700, 100, undefined][l] },
      'decode',
      decodeChoice({ span, threads }),
      f32,
    ),
  ),
});

/** Scores of a size some times the cap, and well below it. */
const softcapChecks = (): Check[] =>
  (['decode', 'prefill'] as const).map((mode) => ({
    name: `${kernels[mode]}, capped`, tolerance: attendTolerance, choice: {},
    cases: [2, 50].flatMap((softcap) =>
      [{ heads: 4, kvHeads: 2, headDim: 64, length: 33 }, { heads: 3, kvHeads: 1, headDim: 80, length: 129, window: 100, sharpness: 8 }].map((each) =>
        attendCase({ ...each, softcap, tokens: mode === 'decode' ? 1 : 9 }, mode, decodeChoice(usualAttention), f32),
      ),
    ),
  }));

/** More vec4s than some workgroups have threads. */
const largeChecks = (): Check[] => [
  attendCheck('decode', 512, f32, [{ heads: 4, kvHeads: 1, headDim: 512, length: 140, tokens: 1 }], usualAttention),
  attendCheck('decode', 512, kvFormat('q8'), [{ heads: 2, kvHeads: 1, headDim: 512, length: 33, tokens: 1, window: 20 }], plainAttention),
  attendCheck('prefill', 512, f32, [{ heads: 4, kvHeads: 1, headDim: 512, length: 40, tokens: 9 }]),
];

/** One slot, some splits and several segments; sinks above the scores and below. */
const sinksChecks = (): Check[] =>
  (['decode', 'prefill'] as const).map((mode) => ({
    name: `${kernels[mode]}, with sinks`, tolerance: attendTolerance, choice: {},
    cases: [
      { heads: 4, kvHeads: 2, headDim: 64, length: several(1) },
      { heads: 3, kvHeads: 1, headDim: 64, length: 600, window: 100 },
      { heads: 4, kvHeads: 2, headDim: 64, length: 33, sets: [{ kv: f32, slots: [33, 31] }] },
    ].map((each) =>
      attendCase({ ...each, sinks: true, tokens: mode === 'decode' ? 1 : Math.min(each.length, 9) }, mode, decodeChoice(usualAttention), f32),
    ),
  }));

/** All group sizes, and prefill in all formats, for one size of heads, then in turns: Mesa compiles these kernels for seconds. */
const attendChecks = (): Check[] =>
  headDims.flatMap((headDim, i) => [
    ...kvs.map((kv, c) =>
      attendCheck(
        'decode',
        headDim,
        kv,
        decoded(headDim, i === 0 ? groupings : [0, 2].map((n) => groupings[(i + c + n) % groupings.length])),
        [usualAttention, plainAttention][(i + c) % 2],
      ),
    ),
    ...(i === 0 ? kvs : [kvs[i % kvs.length]]).map((kv) => attendCheck('prefill', headDim, kv, prefilled(headDim))),
    ...(i < 3 ? [sharedCheck(i % 2 ? 'broadcast8' : 'broadcast4', headDim, kvs[(i + 1) % kvs.length])] : []),
    sharedCheck(i % 2 ? 'wide4' : 'wide8', headDim, kvs[i % kvs.length]),
  ]);

/** Heads of whole groups of channels and not; then those that are left, which are as many kernels again to compile. */
const sealedHeads = [
  { also: '', shapes: [['decode', 64, 1], ['prefill', 36, 9]] }, { also: ', other heads', shapes: [['decode', 80, 1], ['prefill', 64, 31]] },
] as const;

/** Two sealed sets, one of whole pages, and the fresh slots, for each format that pages are sealed in. */
const sealedChecks = (): Check[] =>
  [...affineFormats.values()].flatMap((kv) =>
    sealedHeads.map(({ also, shapes }) => ({
      name: `attention over pages in ${kv.name}${also}`, tolerance: attendTolerance, choice: {},
      cases: shapes.map(([mode, headDim, tokens]) =>
        attendCase(
          { heads: 4, kvHeads: 2, headDim, length: 40, tokens, sets: [{ kv, slots: [96, 64] }, { kv, slots: [32, 0] }] },
          mode,
          decodeChoice(usualAttention),
          kvFormat('f16'),
        ),
      ),
    })));

/**
 * Pages in levels, with as many numbers kept by themselves as there may be, of a slot's values more than there are key/value heads. Alone, and read by
 * threads together that have parts of a head each.
 */
const levelsChecks = (): Check[] => {
  const kv = levelsFormat({ bits: 2, outliers: 0.1, sinks: 4 }, 128);
  const given = { heads: 4, kvHeads: 1, headDim: 128, length: 40, sets: [{ kv, slots: [96] }] };
  const check = (mode: Mode, tokens: number, choice: Partial<KernelChoice>): Check => ({
    name: `attention over pages in ${kv.name}, ${mode === 'decode' ? 'one row' : `by ${wordsOfParts(choice)}`}`, tolerance: attendTolerance, choice,
    cases: [attendCase({ ...given, tokens }, mode, decodeChoice(choice), kvFormat('f16'))],
  });
  return [check('decode', 1, usualAttention), check('prefill', 9, { part: 16, uniform: 32, lanes: 4 })];
};

/** In parts the fresh slots are in f16: Mesa compiles that kernel within seconds, but for f32 in the best part of a minute. */
const severalChecks = (): Check[] => [
  ...kvs.flatMap((kv) => [severalCheck('decode', kv, {}), severalCheck('prefill', kv, {})]),
  severalCheck('prefill', kvFormat('f16'), { part: 32 }), severalCheck('decode', f32, plainAttention), severalCheck('prefill', f32, { prefill: 'broadcast4' }),
  ...(['wide4', 'wide8'] as const).map((prefill, i) => severalCheck('prefill', kvs[i], { prefill })),
];

/** Of one position, one split and several; the newest slot is the first of a page, and of a split. */
const turned: Turned[] = [
  { heads: 1, kvHeads: 1, headDim: 8, rope: ropeOf(8, 'pairs'), norm: false, length: 1 },
  { heads: 3, kvHeads: 1, headDim: 64, rope: ropeOf(64, 'halves'), norm: true, length: 33 },
  { heads: 8, kvHeads: 2, headDim: 80, rope: ropeOf(32, 'halves'), norm: false, length: 128, softcap: 20 },
  { heads: 4, kvHeads: 2, headDim: 64, norm: true, how: { order: 'rotate-norm', valueNorm: true }, rope: ropeOf(62, 'pairs'), length: 129 },
  { heads: 2, kvHeads: 2, headDim: 6, norm: false, how: { temperature: { scale: 0.1, period: 16 } }, length: 300, window: 40 },
  { heads: 4, kvHeads: 1, headDim: 128, rope: ropeOf(128, 'halves'), norm: false, length: 300 },
];

/** What a format rounds of the newest key may fall to either side. */
const turnedTolerance = ({ rounding }: KvFormat): number => Math.max(attendTolerance, 4 * rounding);

const turnedChecks = (): Check[] =>
  kvs.map((kv, i) => ({
    name: `attention-decode that turns, ${kv.name}`, tolerance: turnedTolerance(kv), choice: { turned: 1 },
    // All where nothing is rounded, as each compiles a kernel.
    cases: turned.filter((_, n) => kv === f32 || n % kvs.length === i)
      .map((each) => turnedCase(each, decodeChoice({ ...[usualAttention, plainAttention][i % 2], turned: 1 }), kv)),
  }));

/** Of a model whose decode turns queries in attention. */
function turnedCheckOf({ graph: { config, ropes }, choice, kv }: Model, op: Attend): Check[] {
  if (!op.turns || !turnsQueries(op, { graph: { config, ropes }, choice, kv: { format: kv } })) return [];
  const { turns, scale, softcap } = op;
  const { heads, kvHeads, headDim } = op.shape ?? config;
  const rope = turns.rope === undefined ? undefined : { ...ropes[turns.rope], factors: undefined };
  const how = { order: turns.order, temperature: turns.temperature, valueNorm: turns.valueNorm };
  const window = op.window && Math.min(op.window, 100);
  const given = { heads, kvHeads, headDim, rope, norm: turns.queryNorm !== undefined, how, scale, softcap, window };
  const cases = [choice.span, choice.span + 1].map((length) => turnedCase({ ...given, length }, choice, kv));
  const name = `attention-decode by ${choice.span} in ${choice.threads} that turns, ${cases[0].name} in ${kv.name}`;
  return [{ name, tolerance: turnedTolerance(kv), choice: { turned: 1 }, cases }];
}

export const checks: OperationChecks<Attend> = {
  all: () => [
    ...turnedChecks(),
    ...attendChecks(), ...partsChecks(), ...softcapChecks(), ...largeChecks(), ...sinksChecks(), ...severalChecks(), ...sealedChecks(), ...levelsChecks(),
    ...attentions.filter((each) => each !== usualAttention).map(spanCheck),
  ],
  of(model, op) {
    const { graph: { config }, choice, kv } = model;
    const { heads, kvHeads, headDim } = op.shape ?? config;
    const { prefill, span, threads, part, uniform, lanes = lanesOf(prefill) } = choice;
    const tokens = Math.ceil((rowsOfMany(headDim, choice) * kvHeads) / heads) + 1; // every row of a workgroup, and some of the next one
    const window = op.window && Math.min(op.window, 100);
    const seen = { heads, kvHeads, headDim, length: Math.max(300, 2 * span - 1), scale: op.scale, window, softcap: op.softcap, sinks: op.sinks !== undefined };
    const also = [window && `, window ${window}`, op.softcap && `, capped at ${op.softcap}`, op.sinks && ', with sinks'];
    const label = [nameOfHeads(seen), ` in ${kv.name}`, ...also.filter(Boolean)].join('');
    const plain = span === plainAttention.span && threads === plainAttention.threads;
    const check = (name: string, proves: Check['choice'], tokens: number, mode: Mode): Check =>
      ({ name: `${name}, ${label}`, tolerance: attendTolerance, choice: proves, cases: [attendCase({ ...seen, tokens }, mode, choice, kv)] });
    return [
      ...turnedCheckOf(model, op),
      // Of any other shapes than the plain ones those are what to drop.
      check(`attention-decode by ${span} in ${threads}`, plain ? { kv: kv.name } : { span, threads }, 1, 'decode'),
      // Of heads in parts, and of keys and values that threads read together, that is what to drop.
      part && part < headDim
        ? check(`attention by ${wordsOfParts(choice)}`, { part, uniform, lanes: choice.lanes }, tokens, 'prefill')
        : check(`${manyOf(choice)}${lanes ? ` by ${lanes}` : ''}`, lanes ? { prefill } : { kv: kv.name }, tokens, 'prefill'),
    ];
  },
};

// Checks of the products: matvec, matvec-shared, -few, -rows and -broadcast, matmul, matmul-codes, matmul-matrix, the norm before and the gate after them.
import { formats } from '../../../formats/catalogue.ts';
import { choiceOf } from '../../../model/choices/choice-of-matrix.ts';
import { type KernelChoice, plainAttention } from '../../../model/choices/kernel-choice.ts';
import { type Project, productsOfLowRank } from '../../../model/ops/project.ts';
import { matrixPrefills } from '../../../model/choices/possible-choices.ts';
import { joinedIn, mostJoined } from '../../../model/blocks/decode-attention.ts';
import { decodeRows, fewRows, matrixRowsAtOnce, rowsAtOnce } from '../../../model/blocks/products.ts';
import { unitOf } from '../../../model/choices/subgroup-matrix.ts';
import { type Check } from '../check.ts';
import { decodeChoice, inRegisters } from '../choice.ts';
import { gateChecks } from '../gate.ts';
import { type Joined, joinedCase } from '../joined.ts';
import { normCheck, normChecks } from '../norm.ts';
import { type Model, type OperationChecks, modelRows } from '../operation-checks.ts';
import { type Projected, nameOf, notNumbersCase, projectCase, tolerance } from '../product.ts';
import { columns, ggmlBlock, hasHalves, unpacksHalves } from '../random.ts';

/** Each weight is rounded to f16 once: by 2^-11 of it to nearest, and by 2^-10 where a GPU rounds toward zero. */
const halfTolerance = 2 ** -10;
/** And each activation too. */
const halvesTolerance = 2 ** -9;
const matrixTolerance = (prefill: KernelChoice['prefill']) => (unitOf(prefill)?.component === 'f16' ? halvesTolerance : tolerance);

/** About Apertus' own. */
const xielu = { kind: 'xielu', negative: 1.9, positive: 1.3, beta: 0.5, most: -1e-6 } as const;

/** Fused parts, one set per line; shapes and types go round them. */
const fusions: Partial<Projected>[] = [
  {},
  { norm: true },
  { norm: true, bias: true },
  { gate: 'silu', norm: true, shares: { role: 'up' } },
  { gate: 'gelu', norm: true },
  { add: true, shares: { role: 'down' } },
  { logits: true, softcap: 30, tokens: 5, norm: true },
  { gate: 'gelu', large: true, shares: { role: 'up', joined: true } },
  { logits: true, tokens: 3 },
  { bias: true, add: true, large: true },
  { add: true, scale: 0.22, shares: { role: 'down', joined: true } },
  { logits: true, scale: 4, norm: true },
  { activation: { kind: 'relu2' }, norm: true },
  { activation: xielu, norm: true },
];
const sizes = [1, 31, 33, 65, 128, 161, 7];

function fused(type: string, n: number): Projected {
  const fusion = fusions[n % fusions.length];
  const rows = sizes[n % sizes.length] * (fusion.bias ? 4 : 1);
  const count = fusion.gate ? 2 : 1;
  return { types: Array(count).fill(type), rows: Array(count).fill(rows), cols: columns(type, n), tokens: 1, ...fusion };
}

/** One type at an awkward size: plainly, with large activations, with subnormal scales. */
const ofType = (type: string, tokens: number): Projected[] => {
  const plain = { types: [type], rows: [67], cols: ggmlBlock(type) === 1 ? 172 : 3 * ggmlBlock(type), tokens };
  return [plain, { ...plain, large: true, rows: [33] }, ...(hasHalves(type) ? [{ ...plain, subnormal: true, rows: [5] }] : [])];
};

const mixtures: Projected[] = [
  { types: ['Q4_K', 'Q6_K'], rows: [36, 68], cols: 256, tokens: 1, norm: true, bias: true },
  { types: ['Q4_1', 'F16', 'Q4_1'], rows: [33, 1, 40], cols: 96, tokens: 1, add: true },
  { types: ['Q4_K', 'Q6_K'], rows: [45, 45], cols: 256, tokens: 1, gate: 'silu' },
  { types: ['F32'], rows: [161], cols: 40, tokens: 1, bias: false, add: true, maxBindingBytes: 2 * 32 * 64 * 4 },
  { types: ['Q4_1', 'Q4_1'], rows: [97, 97], cols: 96, tokens: 1, gate: 'gelu', norm: true, maxBindingBytes: 2048 + 2048 },
];

const main = ['F32', 'Q4_1', 'Q6_K', 'Q4_K', 'MXFP4'];
/** Those that are loaded. */
const all = () => [...formats.keys()];

/**
 * Activations in workgroup memory, as they are or in bytes: each of the types, each fusion with one of the grids (each is a pipeline), more
 * columns than there is room for at a time.
 */
function stagedChecks(dot: 'staged' | 'i8', types: string[], manyColumns: number): Check[] {
  const check = (name: string, choice: Partial<KernelChoice>, cases: Projected[]): Check => ({
    name: `matvec ${dot}${name}`,
    tolerance,
    choice: { dot, ...choice },
    cases: cases.map((each) => projectCase(each, 'decode', decodeChoice({ dot, ...choice }))),
  });
  return [
    ...types.map((type) => check(` ${type}`, {}, ofType(type, 1))),
    ...[
      [1, 4],
      [4, 2],
      [8, 1],
    ].map(([splits, panels], n) =>
      check(
        `, ${splits} splits, ${panels} panels`,
        { splits, panels },
        fusions.flatMap((_, i) => (i % 3 === n ? [fused(types[i % types.length], i)] : [])),
      ),
    ),
    check(' of many columns', {}, [{ types: ['Q4_1'], rows: [33], cols: manyColumns, tokens: 1, norm: true }]),
    check(' of several types and bindings', { panels: 2 }, mixtures),
  ];
}

/** Activations that threads of a subgroup share: by 4 of each type and half of the fusions, by 8 of a type and the other half. */
function sharedChecks(): Check[] {
  const check = (lanes: 4 | 8, name: string, cases: Projected[]): Check => {
    const choice = { splits: 1, panels: 4, dot: `shared${lanes}` as const };
    return {
      name: `matvec-shared by ${lanes}${name}`, tolerance, choice, cases: cases.map((each) => projectCase(each, 'decode', decodeChoice(choice))),
    };
  };
  const others = (half: number) => fusions.flatMap((_, i) => (i % 2 === half ? [fused(main[i % main.length], i)] : []));
  return [
    ...all().map((type) => check(4, ` ${type}`, ofType(type, 1))),
    check(4, ', fused', others(0)),
    check(8, ', fused', [...others(1), { types: ['Q4_1'], rows: [33], cols: 4128, tokens: 1, norm: true }]),
    check(8, ' of several types and bindings', mixtures),
  ];
}

function decodeChecks(): Check[] {
  const parts = [[32, 0.25], [16, 0.5], [4, 0.25]].map(([splits, panels]) => ({ splits, panels }));
  const combinations = [...[1, 2, 4, 8].flatMap((splits) => [1, 2, 3, 4].map((panels) => ({ splits, panels }))), ...parts];
  return [
    ...combinations.map(({ splits, panels }, n) => ({
      name: `matvec, ${splits} splits, ${panels} panels`,
      tolerance,
      choice: { splits, panels },
      // Types and fusions go round at different steps, so that each meets each number of splits and of panels.
      cases: [0, 1, 2].map((i) => projectCase(fused(main[(n + 2 * i) % main.length], 3 * n + 5 * i), 'decode', decodeChoice({ splits, panels }))),
    })),
    ...all().map((type) => ({
      name: `matvec ${type}`,
      tolerance,
      choice: {},
      cases: ofType(type, 1).map((each) => projectCase(each, 'decode', decodeChoice({}))),
    })),
    ...all().filter(unpacksHalves).map((type) => ({
      name: `matvec unpacked ${type}`,
      tolerance,
      choice: { halves: 'unpack' as const },
      cases: ofType(type, 1).map((each) => projectCase(each, 'decode', decodeChoice({ halves: 'unpack' }))),
    })),
    {
      name: 'matvec of many columns',
      tolerance,
      choice: {},
      cases: [1, 4].map((splits) => projectCase({ types: ['Q4_1'], rows: [33], cols: 4128, tokens: 1, norm: true }, 'decode', decodeChoice({ splits }))),
    },
    ...stagedChecks('staged', main, 4128),
    ...sharedChecks(),
    ...all().filter((type) => formats.get(type)!.tableShader).map((type) => ({
      name: `matvec table ${type}`,
      tolerance,
      choice: { dot: 'table' as const },
      cases: [{}, { splits: 1, panels: 0.25 }].flatMap((sizes) =>
        ofType(type, 1).map((each) => projectCase(each, 'decode', decodeChoice({ dot: 'table', ...sizes })))),
    })),
    ...stagedChecks(
      'i8',
      all().filter((type) => formats.get(type)!.codes),
      10272,
    ),
    {
      name: 'matvec i8 of what is no number', tolerance, choice: { dot: 'i8' as const },
      cases: [notNumbersCase('Q4_K', 'decode', decodeChoice({ dot: 'i8' }))],
    },
    {
      name: 'matvec of several types and bindings',
      tolerance,
      choice: {},
      cases: mixtures.map((each) => projectCase(each, 'decode', decodeChoice({ panels: 2 }))),
    },
  ];
}

/**
 * Of heads that divide threads and groups oddly, more columns than are staged at a time, one split and as many as are joined; eight heads to a key/value
 * head, which leave no room for the largest span.
 */
const joined: Joined[] = [
  { type: 'Q4_1', rows: 33, heads: 4, kvHeads: 1, headDim: 64, splits: 2, shares: true },
  { type: 'F32', rows: 67, heads: 3, kvHeads: 3, headDim: 20, splits: 1, alone: true },
  { type: 'Q4_K', rows: 5, heads: 16, kvHeads: 4, headDim: 80, splits: mostJoined, shares: true },
  { type: 'Q6_K', rows: 65, heads: 40, kvHeads: 5, headDim: 128, splits: 7, windowed: true, shares: true },
  { type: 'MXFP4', rows: 31, heads: 96, kvHeads: 8, headDim: 4, splits: 3, scale: 0.22 },
];

const joinedShapes = [
  { dot: 'f32' }, { dot: 'i8', splits: 8, span: 512, threads: 32 }, { dot: 'table', splits: 1, panels: 0.25, ...plainAttention, span: 64 },
] as const;

const joinedChecks = (): Check[] =>
  joinedShapes.map((shape, i) => ({
    name: `matvec that joins splits, ${shape.dot}`, tolerance, choice: { joined: 1, ...shape },
    cases: joined.filter((_, n) => i === 0 || n % 2 === i % 2).map((given) => joinedCase(given, decodeChoice(shape))),
  }));

/** Of a model whose output projection joins splits. */
function joinedCheckOf({ graph: { config, ropes }, choice, kv, typeOf, kindsOf }: Model, op: Project): Check[] {
  const { joins, scale, add } = op;
  if (!joins || !joinedIn(joins, { graph: { config, ropes }, choice, kv: { format: kv } })) return [];
  const { heads, kvHeads, headDim } = joins.shape ?? config;
  const given = { type: typeOf(op.matrices[0].tensor), heads, kvHeads, headDim, scale, alone: !add, shares: op.shares !== undefined };
  return (kindsOf?.(op) ?? [undefined]).map((kind) => {
    const own = kind === undefined ? choice : choiceOf(choice, kind);
    const rows = beyond(decodeRows(own));
    // Where its weights are in no binding with the rest of its layer it has a bind group for itself, which is another kernel.
    const all = [...[2, mostJoined].map((splits) => ({ ...given, splits })), ...(given.shares ? [{ ...given, splits: 2, shares: false }] : [])];
    const cases = all.map((each) => joinedCase({ ...each, rows, windowed: joins.window !== undefined }, own));
    const name = `matvec that joins splits, ${own.dot}, ${own.splits} splits, ${own.panels} panels${inRegisters(own.registers)}, ${cases[0].name}`;
    return { name, tolerance, choice: { joined: 1 }, cases };
  });
}

/**
 * `only`: one half of the checks, as each compiles a kernel; what it leaves out is the same for 4 and for 8 threads. `every`: each type
 * with each number of tokens.
 */
const prefills: { name: string; tolerance: number; choice: Partial<KernelChoice>; tokens: number[]; only?: 'types' | 'fusions'; every?: boolean }[] = [
  { name: 'matvec-rows', tolerance, choice: { prefill: 'rows' }, tokens: [1, 7, 32, 33, 17] },
  { name: 'matvec-broadcast by 4', tolerance, choice: { prefill: 'broadcast4' }, tokens: [33, 1, 32, 17, 7], only: 'types' },
  { name: 'matvec-broadcast by 8', tolerance, choice: { prefill: 'broadcast8' }, tokens: [1, 17, 7, 32, 33], only: 'fusions' },
  { name: 'matvec-wide by 4', tolerance, choice: { prefill: 'wide4' }, tokens: [65, 17, 1, 64, 7], only: 'types' },
  { name: 'matvec-wide by 8', tolerance, choice: { prefill: 'wide8' }, tokens: [1, 65, 64, 17, 7], only: 'fusions' },
  { name: 'matvec-few, 1 split', tolerance, choice: { few: 1 }, tokens: [1, 2, 3, 4, 5, 6, 7, 8], only: 'types', every: true },
  { name: 'matvec-few, 8 splits', tolerance, choice: { few: 8 }, tokens: [3, 8, 6, 1, 4, 7, 2, 5], only: 'fusions' },
  { name: 'matmul f32', tolerance, choice: { prefill: 'tile', tile: 'f32' }, tokens: [1, 33, 64, 65] },
  { name: 'matmul f16', tolerance: halfTolerance, choice: { prefill: 'tile', tile: 'f16' }, tokens: [2, 65] },
  { name: 'matmul i16', tolerance, choice: { prefill: 'tile', tile: 'i16' }, tokens: [1, 33, 64, 65] },
  { name: 'matmul i8', tolerance, choice: { prefill: 'tile', tile: 'i8' }, tokens: [65, 3], only: 'types' },
];

function prefillChecks(matrixPrefills: KernelChoice['prefill'][]): Check[] {
  const byMatrices = matrixPrefills.map((prefill): (typeof prefills)[number] => ({
    name: `matmul-matrix ${prefill}`,
    tolerance: matrixTolerance(prefill),
    choice: { prefill },
    tokens: [65, 2, 33],
  }));
  return [...prefills, ...byMatrices].flatMap(({ name, tolerance: allowed, choice, tokens, only, every }): Check[] => {
    const cases = (list: Projected[]) => list.map((each, i) => projectCase({ ...each, tokens: tokens[i % tokens.length] }, 'prefill', decodeChoice(choice)));
    // Weights of subnormal scales are below the least f16 number: such a tile holds them as zeros or not, as the GPU likes.
    const types = (type: string) => {
      const list = ofType(type, 1).filter(({ subnormal }) => !(subnormal && allowed > tolerance)).reverse();
      return every ? tokens.map((_, i) => list[i % list.length]) : list;
    };
    const isOfCodes = choice.tile === 'i16' || choice.tile === 'i8';
    const taken = all().filter((type) => !isOfCodes || formats.get(type)!.codes);
    const ofTypes = taken.map((type) => ({ name: `${name} ${type}`, tolerance: allowed, choice, cases: cases(types(type)) }));
    const ofFusions = [
      { name: `${name}, fused`, tolerance: allowed, choice, cases: cases(fusions.map((_, n) => fused(main[n % 2], n))) },
      { name: `${name} of several types and bindings`, tolerance: allowed, choice, cases: cases(mixtures) },
    ];
    return [...(only === 'fusions' ? [] : ofTypes), ...(only === 'types' ? [] : ofFusions)];
  });
}

/** Activations in bytes are numbers whatever they are made of, which is not to hide that a model computes wrongly. */
const notNumbersChecks = (): Check[] =>
  (['i16', 'i8'] as const).map((tile) => ({
    name: `matmul ${tile} of what is no number`, tolerance, choice: { prefill: 'tile', tile },
    cases: [notNumbersCase('Q4_K', 'prefill', decodeChoice({ prefill: 'tile', tile }))],
  }));

/** Forms for few registers, of a few types: what differs is no type's. Tiles whose weights are unpacked in two halves; gate and up in turns. */
const leanChecks = (): Check[] => {
  const tile = { prefill: 'tile', tile: 'f32', registers: 64 } as const;
  const unpacked = main.flatMap((type) => ofType(type, 65)).map((each) => projectCase(each, 'prefill', decodeChoice(tile)));
  const gated = [3, 4].flatMap((fusion, n) => main.map((type, i) => ({ ...fused(type, fusion + fusions.length * i), large: n > 0 })));
  return [
    { name: 'matmul f32 in 64 registers', tolerance, choice: tile, cases: unpacked },
    ...(['staged', 'i8'] as const).map((dot): Check => {
      const choice = { dot, splits: 8, registers: 64 } as const;
      const alone = mixtures.filter(({ gate }) => gate);
      const cases = [...(dot === 'i8' ? gated.filter(({ types: [type] }) => formats.get(type)!.codes) : gated), ...alone];
      return { name: `matvec ${dot} in 64 registers`, tolerance, choice, cases: cases.map((each) => projectCase(each, 'decode', decodeChoice(choice))) };
    }),
  ];
};

/** Rows of a matrix so that every one of a workgroup is compared, and an edge; a multiple of 4, as the heads of a bias are. */
const beyond = (rows: number): number => rows + 4;

/** The check of one product of a model for one row of activations; of one that shares a bind group with what it has for itself where it cannot. */
const decodeCheck = (given: Projected, label: string, choice: KernelChoice): Check => {
  const { splits, panels, dot } = choice;
  return {
    name: `matvec ${dot === 'f32' ? '' : `${dot} `}${label}, ${splits} splits, ${panels} panels${given.gate ? inRegisters(choice.registers) : ''}`,
    tolerance,
    choice: { splits, panels, dot },
    cases: (given.shares ? [given.shares, undefined] : [undefined]).map((shares) =>
      projectCase({ ...given, shares, rows: given.rows.map(() => beyond(decodeRows(choice))), tokens: 1 }, 'decode', choice)),
  };
};

/** The check of one product of a model for a few rows of activations, if they have a kernel of their own. */
const fewCheck = (given: Projected, label: string, choice: KernelChoice): Check[] => {
  const { few } = choice;
  return few
    ? [{ name: `matvec-few ${label}, ${few} splits`, tolerance, choice: { few }, cases: [projectCase({ ...given, tokens: fewRows }, 'prefill', choice)] }]
    : [];
};

/** The check of one product of a model for many rows of activations. */
const prefillCheck = (given: Projected, label: string, choice: KernelChoice): Check => {
  const { prefill, tile, registers } = choice;
  const sizes = { rows: given.rows.map(() => beyond(matrixRowsAtOnce(prefill))), tokens: rowsAtOnce(prefill) + 1 };
  const cases = [projectCase({ ...given, ...sizes }, 'prefill', choice)];
  if (unitOf(prefill)) return { name: `matmul-matrix ${prefill} ${label}`, tolerance: matrixTolerance(prefill), choice: { prefill }, cases };
  if (prefill !== 'tile')
    return { name: `matvec-${prefill.replace(/(\d)$/, ' by $1')} ${label}`, tolerance, choice: { prefill }, cases };
  return { name: `matmul ${tile} ${label}${inRegisters(registers)}`, tolerance: tile === 'f16' ? halfTolerance : tolerance, choice: { prefill, tile }, cases };
};

/** Whether unpacking keeps subnormal f16 scales and weights, in the kernel of the product; one for each set of types. */
export const halvesCheck = (given: Projected, choice: KernelChoice): Check => ({
  name: `halves of ${[...new Set(given.types)].join('+')}`, tolerance, choice: { halves: 'unpack' },
  cases: [projectCase({ ...given, tokens: 1, subnormal: true }, 'decode', choice)],
});

/** A product in every choice that its matrices have, in both modes; the norm before many rows is a kernel of its own. */
function productChecks({ graph: { config, ropes }, typeOf, choice, kv, kindsOf }: Model, op: Project): Check[] {
  const projected = projectedOf(op, typeOf);
  const { role = 'back', joins } = op.shares ?? {};
  const isJoined = joins !== undefined && joinedIn(joins, { graph: { config, ropes }, choice, kv: { format: kv } }) !== undefined;
  const { types, cols, norm, bias, gate, activation, scale, add, softcap, logits } = projected;
  const isApart = gate !== undefined && new Set(types).size > 1; // then it is joined by a dispatch of its own
  const shares = role === 'back' || !op.shares || isApart ? undefined : { role, joined: isJoined };
  const halves = choice.halves === 'unpack' && types.some(unpacksHalves);
  const fusions = { bias, [gate ?? 'gate']: gate, [activation?.kind ?? 'activation']: activation, scaled: scale, add, softcap, logits, unpacked: halves };
  const plain = [[...new Set(types)].join('+'), `of ${cols} columns`, ...Object.entries(fusions).filter(([, on]) => on).map(([name]) => name)].join(' ');
  const kinds = kindsOf?.(op) ?? [];
  const choices = kinds.length ? kinds.map((kind) => ({ ...choiceOf(choice, kind), kinds: [kind] })) : [{ ...choice, kinds }];
  const label = `${plain}${norm ? ' norm' : ''}${shares ? ` ${nameOf(shares)}` : ''}`;
  const decodes = choices.map((each) => ({ ...decodeCheck({ ...projected, shares }, label, each), kinds: each.kinds }));
  const plainly = { ...projected, norm: false };
  const many = choices.flatMap((each) =>
    [prefillCheck(plainly, plain, each), ...fewCheck(plainly, plain, each)].map((check) => ({ ...check, kinds: each.kinds })),
  );
  const subnormals = halves ? [halvesCheck(projected, choices[0])] : [];
  return [...decodes, ...many, ...subnormals, ...(op.norm ? [normCheck(cols, op.center ? 'centered' : 'plain', choice)] : [])];
}

const projectedOf = ({ matrices, cols, norm, center, bias, gate, activation, scale, add, softcap, output }: Project, typeOf: Model['typeOf']): Projected => ({
  types: matrices.map(({ tensor }) => typeOf(tensor)), rows: matrices.map(() => modelRows), cols, tokens: 1,
  norm: norm !== undefined && !center, bias: bias !== undefined, gate, activation, scale, add, softcap, logits: output === 'logits',
});

/** What an adapted product is made of: its additions, and for one row the product before its gate or activation. */
const partsOfAdapted = (op: Project): Project[] =>
  (op.adapted
    ? [{ ...op, gate: undefined, activation: undefined, shares: undefined }, ...op.adapted.flatMap((each) => Object.values(productsOfLowRank(op, each)))]
    : []);

export const checks: OperationChecks<Project> = {
  all: (gpu) => [
    ...decodeChecks(), ...joinedChecks(), ...prefillChecks(matrixPrefills(gpu)), ...leanChecks(), ...notNumbersChecks(),
    ...normChecks('plain'), ...normChecks('centered'), ...gateChecks(),
  ],
  of: (model, op) => [op, ...partsOfAdapted(op)].flatMap((each) => {
    const own = each === op ? model : { ...model, kindsOf: undefined };
    return [...productChecks(own, each), ...joinedCheckOf(own, each)];
  }),
};

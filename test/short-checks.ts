// Which checks of the self-test the short run takes, and where: on SwiftShader, which compiles most kernels in a third of lavapipe's time, or on
// lavapipe (both in test/gpu/kernels), and some in Chromium too (e2e/kernels.spec.ts); short-checks.test.ts sees that nothing is lost.

/** Weight types whose own shader is all that differs from others: one kernel that adds up shows it. */
export const rareTypes = 'I?Q[123]_[A-Z0-9]+|IQ4_(NL|XS)|MXFP4|NVFP4|Q5_1|TQ[12]_0';

/** A float type and a quantised one, with which all kernels multiply on lavapipe. */
const usual = 'F32|Q4_K';

/** One of each kind of codes that kernels in integers tell apart: a scale, scales of groups, scales with minimums. */
const ofEachKind = 'Q8_0|Q6_K|Q4_K';

/** Types whose kernels are those of others but for their own file: of each, one kernel that adds up. */
const otherTypes = `${rareTypes}|BF16|F16|Q\\d_[01K]`;

/**
 * What lavapipe has: what SwiftShader cannot run or compiles slowly, f16 and integers in tiles above all, and one of each kind beside it, as other
 * sizes of vectors and subgroups are another compiler's work. All models' golden logits are lavapipe's too.
 */
export const onLavapipe = `(${[
  'mat.* i8 of what is no number',
  'matmul f16 (F32|Q4_K)$', 'matmul (f16|i16), fused', 'matmul i8 Q4_K', 'experts Q4_K', 'matvec (staged |i8 )?Q4_K', 'matvec unpacked F16',
  'matvec-(few, 1 split|rows) F32', 'matvec-(broadcast|wide|shared) by 8, fused',
  'attention(-decode)?, heads of 64, f16', 'attention-decode that turns, q8', 'attention-decode, several segments, the fresh one in f16',
  'rms-norm by subgroup$', 'sampler, temperature 0.7', 'kv-(observe (mean, f16|sum)|seal q4t|move, f32|rank)',
].join('|')})`;

/** The kernels that limits and optional features change, of the usual types, in one format of keys and values. */
export const underOtherLimits =
  `(?!.* (?!(${usual})$)[A-Z]+\\d*_?[A-Z0-9]+$)(matvec, 8 splits, [14] panels|matvec of|matmul f32( F32|,| of)|rms-norm|argmax|attention.*, heads of 64, q8)`;

/** Attention for each size of a head and each format of keys and values, not for each pair of them. */
const otherPairs = 'attention-decode, heads of (8, f|80, (f16|q8)|96, (f32|q8)|128, f|256, (f32|q8)|512, f32)|attention, heads of (8, f|96, f32)|'
  + 'attention-wide by \\d, heads of (8|80|96|128|256),';

/** Of splits and panels, of spans and threads and of parts those between others, each a constant of the same kernel. */
const shapesBetween =
  'matvec, (1 splits, [23]|2 splits, [124]|4 splits, (0|[134])|8 splits, [34])[.\\d]* panels|matvec (i8|staged), 4 splits|'
  + 'attention-decode by (128 in 32|256|512 in 32)( |$)|attention by parts of (64, of a subgroup each|16, heads)';

/**
 * What SwiftShader has: all that it compiles in less time than lavapipe, which is what has few barriers. Rare types once, as formats-gpu has their
 * files unpack too.
 */
export const onSwiftShader =
  `(?:matvec( table)? (${otherTypes})$|matvec unpacked (?!(${rareTypes})$)(${otherTypes})$|(?!.* (?!(${ofEachKind})$)(${otherTypes})$)`
  + `(?!${otherPairs}|${shapesBetween}|attention.* (several segments|over pages|that turns)|matmul (f16|i)|`
  + 'kv-(observe mean, f|move, f16|merge|join|pick|codes|latents)))';

/** What Chromium has: one check of most kernels, as its own compiler and its way to the GPU's process are between them and the same SwiftShader. */
export const inChromium = `(${[
  'matvec( staged| i8)? Q4_K', 'matvec unpacked F16', 'matvec-(few, 1 split|rows|broadcast by 4) Q4_K', 'matmul f32 Q4_K', 'embed Q6_K', 'experts Q4_K',
  'attention(-decode)?, heads of 64, f16', 'rms-norm by (subgroup|workgroup)', 'layer-norm by workgroup', 'gate silu', 'sampler, temperature 0.7', 'kv-rank',
].join('|')})$`;

/** What neither software adapter has, and what shows it in its place, or that the full run alone has it. */
export const elsewhere: Record<string, RegExp> = {
  'formats-gpu: the file of each weight type; the kernels are those of others': new RegExp(` (${rareTypes}|BF16|F16|F32|Q\\d_[01K])$`),
  'tiles of f32 with the same types and bindings: tiles of f16 and i16 differ by what unpacks a float and a code, and by what follows': /^matmul (f16|i16) /,
  'other sizes of heads in the same format, other formats with heads of the same size': new RegExp(`^(${otherPairs})`),
  'the full run alone: shapes between others': new RegExp(`^(${shapesBetween})`),
  'kv-policies-gpu: golden logits over sealed pages': /^attention over pages in q\d[tcb]/,
  'the full run alone, with the golden logits of kvquant3': /^attention over pages in q\d-levels/,
  'kv-kept-gpu: golden logits over several segments, in more formats': /^attention.*several segments|^kv-(observe mean|move), f(16|32)/,
  'kv-kept-gpu: golden slots and logits of ems, which merges by count; by cosine and into one slot the full run alone': /^kv-merge/,
  'kv-read-gpu: golden slots that quest reads': /^kv-pick bounds/,
  'the full run alone, as each takes lavapipe 7 to 15 s: joined runs, picks by votes, by clusters and by codes': /^kv-(join|pick (votes|clusters)|codes)/,
  'the full run alone, with the golden slots that leoam reads': /^kv-pick levels/,
  'the full run alone, with the golden logits of xquant4': /^kv-latents/,
  'limits-gpu: golden logits where attention turns its queries': /that turns/,
};

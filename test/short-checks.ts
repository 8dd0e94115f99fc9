// Which checks of the self-test the short run takes, and where: on lavapipe in Node (test/gpu/kernels) and on SwiftShader in Chromium
// (e2e/kernels.spec.ts). Mesa compiles a kernel for seconds, so each checks what the other has not; short-checks.test.ts sees that nothing is lost.

/** Weight types whose own shader is all that differs from others: one kernel that adds up shows it. */
export const rareTypes = 'I?Q[123]_[A-Z0-9]+|IQ4_(NL|XS)|MXFP4|NVFP4|Q5_1|TQ[12]_0';

/** A float type and a quantised one, with which all kernels multiply on lavapipe. */
const usual = 'F32|Q4_K';

/** One of each kind of codes that kernels in integers tell apart: a scale, scales of groups, scales with minimums. */
const ofEachKind = 'Q8_0|Q6_K|Q4_K';

const byType = [
  'matvec-rows', 'matvec-broadcast by \\d', 'matvec-few, \\d splits?', 'matvec (staged|i8)', 'matmul (f32|i8|i16)', 'experts', 'embed', 'neurons',
];

/** What lavapipe leaves out. */
const inChromiumOrGolden = [
  'attention(?!\\S*, heads of (64|128), f16|-decode that turns, q8|-decode, several segments, the fresh one in f16)',
  `(${byType.join('|')}) (?!(${usual})$)[A-Z]`,
  'matvec unpacked (?!F16|MXFP4)',
  'matvec,(?! 1 splits, 1 | 8 splits, 3 | 32 )',
  'matvec (staged|i8),(?! 8 splits, 1 )',
  'experts, (4|16) splits|experts of many rows, 1 ',
  'rope by (pairs|halves, (f32|q8))',
  'kv-(observe mean, f(16|32)|move, f16|merge|join|pick)',
];

export const onLavapipe = `(?!${inChromiumOrGolden.join('|')})(?:matvec( unpacked| table)? (${rareTypes})$|(?!.* (${rareTypes})$))`;

/** The kernels that limits and optional features change, of the usual types, in one format of keys and values. */
export const underOtherLimits =
  `(?!.* (?!(${usual})$)[A-Z]+\\d*_?[A-Z0-9]+$)(matvec, 8 splits, [14] panels|matvec of|matmul f32( F32|,| of)|rms-norm|argmax|attention.*, heads of 64, q8)`;

/** What policies of keys and values alone run, and tiles of integers, which GPUs alone are offered, are left to lavapipe. */
export const inChromium =
  `(?!.* (?!(${ofEachKind})$)(${rareTypes}|BF16|F16|F32|Q\\d_[01K])$)` + '(?!attention.* (several segments|over pages|that turns)|matmul i|kv-)';

/** What neither has, and what shows it in its place, or that the full run alone has it. */
export const elsewhere: Record<string, RegExp> = {
  'formats-gpu: the file of each weight type; the kernels are those of others': new RegExp(` (${rareTypes}|BF16|F16|F32|Q\\d_[01K])$`),
  'kv-policies-gpu: golden logits over sealed pages': /^attention over pages in/,
  'kv-kept-gpu: golden logits over several segments, in more formats': /^attention.*several segments|^kv-(observe mean|move), f(16|32)/,
  'kv-kept-gpu: golden slots and logits of ems, which merges by count; by cosine and into one slot the full run alone': /^kv-merge/,
  'kv-read-gpu: golden slots that quest reads': /^kv-pick bounds/,
  'the full run alone, as each takes lavapipe 7 to 15 s: joined runs, picks by votes and by clusters': /^kv-(join|pick (votes|clusters))/,
  'limits-gpu: golden logits where attention turns its queries': /that turns/,
};

// Kernels against src/reference on one kind of device of Dawn, as a test: the checks are those of the self-test.
import { describe, expect, it } from 'vitest';
import { formats, loadFormats, typeNames } from '../src/formats/catalogue.ts';
import { type DeviceOptions } from '../src/gpu/device.ts';
import { type CheckResult, selfTest } from '../src/gpu/self-test.ts';
import { adapterFile } from './dawn.ts';
import { openDawn } from './models/model.ts';
import { isFull, record } from './verified.ts';

/** Types whose kernels are checked by the short run under other limits too: a float type and a quantised one with a minimum. */
const someTypes = ['F32', 'Q4_K'];

/** The kernels that limits and optional features change, in one format of keys and values. */
const changed = '(matvec, 8 splits, [14] panels|matvec of|matmul f32( F32|,| of)|rms-norm|argmax|attention.*, heads of 64, q8)';

/**
 * What the short run leaves to others: Chromium on SwiftShader has all kernels that need no f16 (e2e/kernels.spec.ts), `formats-gpu` each
 * weight type's own file on both adapters, and the golden tests each format of keys and values; Mesa compiles a kernel for seconds. Here
 * every kernel multiplies with a float type and a quantised one, and by few numbers of splits and of panels.
 */
const elsewhere = [
  'attention(?!\\S*, heads of (64|128), f16)',
  `(${['matvec-rows', 'matvec-broadcast by \\d', 'matvec-few, \\d splits?', 'matvec (staged|i8)', 'matmul (f32|i8|i16)', 'experts', 'embed'].join('|')})` +
    ` (?!(${someTypes.join('|')})$)[A-Z]`,
  'matvec unpacked (?!F16|MXFP4)',
  'matvec,(?! 1 splits, 1 | 8 splits, 3 | 32 )',
  'matvec (staged|i8),(?! 8 splits, 1 )',
  'experts, (4|16) splits|experts of many rows, 1 ',
  'rope by (pairs|halves, (f32|q8))',
  'kv-(observe mean, f(16|32)|move, f16)',
];

/**
 * The checks that the short run takes. Of rare weight types one kernel that adds up is enough, as their own shader is all that differs; under
 * other limits it takes the kernels alone that these change, of some types.
 */
async function wanted({ limits }: DeviceOptions): Promise<string> {
  if (isFull) return '';
  await loadFormats(typeNames);
  if (limits === 'default') return `(?!.* (${[...formats.keys()].filter((name) => !someTypes.includes(name)).join('|')})$)${changed}`;
  const rare = [...formats.values()].flatMap(({ name, shader }) => (shader ? [name] : [])).join('|');
  return `(?!${elsewhere.join('|')})(?:matvec( unpacked)? (${rare})$|(?!.* (${rare})$))`;
}

/** Kernels that multiply with weights, which are about half of all work; and all others. */
export const products = '(?=matvec|matmul|experts)';
export const others = '(?!matvec|matmul|experts)';

/** Tests every kernel whose check's name begins as `part` asks. */
export function describeKernels(title: string, options: DeviceOptions, file: string, part = ''): void {
  describe.skipIf(!adapterFile)(`with ${title}`, () => {
    it('every kernel gives the numbers of the reference', async () => {
      const gpu = await openDawn(options);
      const results = await selfTest(gpu, {
        only: new RegExp(`^${part}(?:${await wanted(options)})`),
        onCheck: (result, done, total) => process.env.WINDROW_PROGRESS && console.log(`${Math.round(performance.now())} ${done}/${total} ${line(result)}`),
      });
      gpu.device.destroy();
      const skipped = results.filter((result) => result.skipped);
      console.log(`${results.length - skipped.length} checks with ${title} on ${gpu.adapterName}`);
      for (const reason of new Set(skipped.map((result) => result.skipped)))
        console.log(`skipped: ${skipped.filter((result) => result.skipped === reason).length} checks, as ${reason}`);
      expect(results.length).toBeGreaterThan(15);
      expect(results.filter((result) => !result.passed).map(line)).toEqual([]);
      if (options.without) expect(skipped.map((result) => result.skipped)).toContain('the device has no subgroups');
      record({
        point: `Every kernel against the reference at awkward sizes, with ${title}`,
        command: `npx vitest run --project gpu test/gpu/kernels/${file}`,
        value: {
          checks: results.length - skipped.length,
          skipped: skipped.length,
          failed: 0,
          'largest share of a tolerance': Math.max(...results.map(({ error, tolerance }) => error / tolerance)).toPrecision(2),
        },
      });
    });
  });
}

/** A result in words. */
export const line = ({ name, error, tolerance, message }: CheckResult): string =>
  `${name}: error ${error.toExponential(2)}, allowed ${tolerance.toExponential(2)}${message ? `\n${message}` : ''}`;

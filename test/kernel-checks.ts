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

/** The types of kernels that limits and optional features change. */
const changed = '(matvec, 8|matvec of|matmul f(16|32)( F32|,| of)|rms-norm|rope|argmax|attention.*(64|256), (f16|q8))';

/**
 * The short run leaves out most checks of rare weight types, whose own shader is all that differs: one kernel that adds up and one that unpacks
 * are enough; under other limits it takes the kernels alone that these change, of some types.
 */
async function wanted({ limits }: DeviceOptions): Promise<string> {
  if (isFull) return '';
  await loadFormats(typeNames);
  if (limits === 'default') return `(?!.* (${[...formats.keys()].filter((name) => !someTypes.includes(name)).join('|')})$)${changed}`;
  // Chromium on SwiftShader has all of attention checked, but for what policies alone run, and all numbers of splits and panels
  // (e2e/kernels.spec.ts). Mesa compiles each kernel of attention for seconds.
  const there = 'attention(?!\\S*, heads of (64|128), f16)|matvec, [24] splits, [23] panels|matmul i(8|16)(?! Q4_K)|matmul i8|matvec unpacked (?!F16|MXFP4)';
  const rare = [...formats.values()].flatMap(({ name, shader }) => (shader ? [name] : [])).join('|');
  return `(?!${there})(?:(matvec( unpacked)?|matmul f32) (${rare})$|(?!.* (${rare})$))`;
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
      expect(results.length).toBeGreaterThan(20);
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

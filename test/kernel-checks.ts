// Kernels against src/reference on one kind of device of Dawn, as a test: the checks are those of the self-test.
import { describe, expect, it } from 'vitest';
import { type DeviceOptions } from '../src/gpu/device.ts';
import { type CheckResult, selfTest } from '../src/gpu/self-test.ts';
import { adapterFile, isSwiftShader } from './dawn.ts';
import { openDawn } from './models/model.ts';
import { onLavapipe, onSwiftShader, underOtherLimits } from './short-checks.ts';
import { isFull, record } from './verified.ts';

/** Kernels that multiply with weights, which are about half of all work; and all others. */
export const products = '(?=matvec|matmul|experts)';
export const others = '(?!matvec|matmul|experts)';

/** Checks in the short run. */
const shortRun = (options: DeviceOptions): string => (options.limits === 'default' ? underOtherLimits : isSwiftShader ? onSwiftShader : onLavapipe);

/** Tests every kernel whose check's name begins as `part` asks. */
export function describeKernels(title: string, options: DeviceOptions, file: string, part = ''): void {
  describe.skipIf(!adapterFile)(`with ${title}`, () => {
    it('every kernel gives the numbers of the reference', async () => {
      const gpu = await openDawn(options);
      const results = await selfTest(gpu, {
        only: new RegExp(`^${part}(?:${isFull ? '' : shortRun(options)})`),
        onCheck: (result, done, total) => process.env.WINDROW_PROGRESS && console.log(`${Math.round(performance.now())} ${done}/${total} ${line(result)}`),
      });
      gpu.device.destroy();
      const skipped = results.filter((result) => result.skipped);
      console.log(`${results.length - skipped.length} checks with ${title} on ${gpu.adapterName}`);
      for (const reason of new Set(skipped.map((result) => result.skipped)))
        console.log(`skipped: ${skipped.filter((result) => result.skipped === reason).length} checks, as ${reason}`);
      expect(results.length).toBeGreaterThan(9);
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

// Every GPU kernel against src/reference on Dawn: with all that the adapter offers, with the specification's default
// limits, and without optional features. The checks are those of the self-test.
import { describe, expect, it } from 'vitest';
import { type DeviceOptions } from '../src/gpu/device.ts';
import { type CheckResult, selfTest } from '../src/gpu/self-test.ts';
import { adapterFile } from './dawn.ts';
import { openDawn } from './model.ts';
import { record } from './verified.ts';

const devices: Record<string, DeviceOptions> = {
  'all that the adapter offers': {},
  'the default limits': { limits: 'default' },
  'neither subgroups nor shader-f16': { without: ['subgroups', 'shader-f16'] },
};

describe.skipIf(!adapterFile).each(Object.entries(devices))('with %s', (title, options) => {
  it('every kernel gives the numbers of the reference', async () => {
    const gpu = await openDawn(options);
    const results = await selfTest(gpu, { onCheck: (result, done, total) => process.env.WINDROW_PROGRESS && console.log(`${done}/${total} ${line(result)}`) });
    gpu.device.destroy();
    const skipped = results.filter((result) => result.skipped);
    console.log(`${results.length - skipped.length} checks with ${title} on ${gpu.adapterName}`);
    for (const reason of new Set(skipped.map((result) => result.skipped))) console.log(`skipped: ${skipped.filter((result) => result.skipped === reason).length} checks, as ${reason}`);
    expect(results.filter((result) => !result.passed).map(line)).toEqual([]);
    if (options.without) expect(skipped.map((result) => result.skipped)).toContain('the device has no subgroups');
    record({
      point: `Every kernel against the reference at awkward sizes, with ${title}`, command: 'npx vitest run --project gpu test/kernels-gpu.test.ts',
      value: { checks: results.length - skipped.length, skipped: skipped.length, failed: 0, 'largest share of a tolerance': Math.max(...results.map(({ error, tolerance }) => error / tolerance)).toPrecision(2) },
    });
  });
});

const line = ({ name, error, tolerance, message }: CheckResult): string => `${name}: error ${error.toExponential(2)}, allowed ${tolerance.toExponential(2)}${message ? `\n${message}` : ''}`;

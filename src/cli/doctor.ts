// windrow doctor: every kernel against the reference on this adapter.
import { openGpu } from '../gpu/device.ts';
import { selfTest } from '../gpu/self-test.ts';
import { dawn, yieldOnSoftware } from '../node.ts';
import { type Result } from './result.ts';
import { type ModelFlags, deviceOptions } from './options.ts';

export async function doctor(flags: ModelFlags): Promise<Result> {
  const gpu = dawn();
  await yieldOnSoftware(gpu);
  const opened = await openGpu(gpu, deviceOptions(flags));
  const checks = await selfTest(opened);
  const failed = checks.filter((check) => !check.passed);
  const lines = checks.map(({ name, passed, error, tolerance }) => `${passed ? 'ok  ' : 'FAIL'} ${name.padEnd(60)} error ${error.toExponential(2)}, allowed ${tolerance.toExponential(2)}`);
  return {
    json: { adapter: opened.adapterName, checks, passed: checks.length - failed.length, failed: failed.length },
    text: [opened.adapterName, ...lines, `${checks.length - failed.length} passed, ${failed.length} failed`].join('\n'),
    code: failed.length ? 1 : 0,
  };
}

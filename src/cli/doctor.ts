// windrow doctor: every kernel against the reference on this adapter.
import { RequestError } from '../errors.ts';
import { openGpu } from '../gpu/device.ts';
import { selfTest } from '../gpu/self-test.ts';
import { dawn, yieldOnSoftware } from '../node.ts';
import { type Result } from './result.ts';
import { type ModelFlags, deviceOptions } from './options.ts';

/** RequestError if no check has a name that `only` finds. */
export async function doctor({ only, ...flags }: ModelFlags & { only?: RegExp }): Promise<Result> {
  const gpu = dawn();
  await yieldOnSoftware(gpu);
  const opened = await openGpu(gpu, deviceOptions(flags));
  const checks = await selfTest(opened, { only });
  if (!checks.length) throw new RequestError(`No check has a name that ${String(only)} finds; without --only all are run and named.`);
  const failed = checks.filter((check) => !check.passed);
  const skipped = checks.filter((check) => check.skipped);
  const passed = checks.length - failed.length - skipped.length;
  const lines = checks.map(({ name, passed: ok, error, tolerance, skipped: reason, message }) =>
    reason
      ? `skip ${name.padEnd(60)} ${reason}`
      : `${ok ? 'ok  ' : 'FAIL'} ${name.padEnd(60)} error ${error.toExponential(2)}, allowed ` +
        `${tolerance.toExponential(2)}${message ? `\n     ${message.replaceAll('\n', '\n     ')}` : ''}`,
  );
  return {
    json: { adapter: opened.adapterName, checks, passed, failed: failed.length, skipped: skipped.length },
    text: [opened.adapterName, ...lines, `${passed} passed, ${failed.length} failed, ${skipped.length} skipped`].join('\n'),
    code: failed.length ? 1 : 0,
  };
}

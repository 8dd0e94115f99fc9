// Runs the self-test in a page and leaves its results on `window`. `?without=subgroups,shader-f16` leaves features out,
// `?limits=default` asks for the specification's limits only, `?only=REGEXP` runs the checks whose names match.
import { type DeviceOptions, openGpu } from '../../src/gpu/device.ts';
import { type CheckResult, selfTest } from '../../src/gpu/self-test.ts';

export interface KernelsRun {
  adapter: string;
  results: CheckResult[];
  error?: string;
}

declare global {
  interface Window {
    kernels?: KernelsRun;
  }
}

const query = new URLSearchParams(location.search);
const log = document.getElementById('log')!;
const options: DeviceOptions = {
  limits: query.get('limits') === 'default' ? 'default' : 'adapter',
  without: (query.get('without') ?? '').split(',').filter((name) => name === 'subgroups' || name === 'shader-f16'),
};

try {
  const gpu = await openGpu(navigator.gpu, options);
  const start = performance.now();
  const results = await selfTest(gpu, {
    only: new RegExp(query.get('only') ?? ''),
    onCheck: ({ name, passed, skipped, error }, done, total) =>
      (log.textContent += `${Math.round(performance.now() - start)} ms ${done}/${total} ${skipped ? 'skipped' : passed ? 'ok' : 'FAILED'} ${name}: ${error}\n`),
  });
  window.kernels = { adapter: gpu.adapterName, results };
} catch (error) {
  window.kernels = { adapter: '', results: [], error: String(error) };
}

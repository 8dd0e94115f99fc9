// Measures the warm start of the chosen file in a worker and leaves the result on `window`.
import { type WarmStart } from '../../bench/warm-start.ts';

export type WarmStartRun = WarmStart & { error?: string };

declare global {
  interface Window {
    warmStart?: WarmStartRun;
  }
}

const worker = new Worker(new URL('warm-start-worker.ts', import.meta.url), { type: 'module' });
worker.onmessage = ({ data }: MessageEvent<WarmStartRun>) => (window.warmStart = data);
document.querySelector('input')!.onchange = ({ target }) => worker.postMessage((target as HTMLInputElement).files![0]);

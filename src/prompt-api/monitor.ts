// How far the load of a model is, in the Prompt API's words.
import { type LoadProgress } from '../protocol.ts';
import { type CreateMonitor, type CreateOptions } from './types.ts';

class Monitor extends EventTarget implements CreateMonitor {
  ondownloadprogress: ((event: ProgressEvent) => unknown) | null = null;
}

export interface Progress {
  of(progress: LoadProgress): void;
  done(): void;
}

/** Fires `downloadprogress` with 0, then what is more than before, and 1 once all is done. */
export function watchProgress(callback: NonNullable<CreateOptions['monitor']>): Progress {
  const monitor = new Monitor();
  monitor.addEventListener('downloadprogress', (event) => monitor.ondownloadprogress?.(event as ProgressEvent));
  callback(monitor);
  let last = -1;
  const tell = (loaded: number): void => {
    if (loaded <= last) return;
    if (last < 0 && loaded > 0) tell(0);
    last = loaded;
    monitor.dispatchEvent(new ProgressEvent('downloadprogress', { lengthComputable: true, loaded, total: 1 }));
  };
  return {
    of: ({ loadedBytes, totalBytes }) => tell(totalBytes > 0 ? Math.min(loadedBytes / totalBytes, 0.999) : 0), // 1 is kept for the end
    done: () => tell(1),
  };
}

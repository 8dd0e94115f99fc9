// Files that are dropped anywhere on the page, or opened with it where it is installed. While they hang over it, the host has the attribute `dropping`.
import { type ReactiveController, type ReactiveControllerHost } from 'lit';

export class FileDrop implements ReactiveController {
  private readonly ending = new AbortController();

  constructor(private readonly host: ReactiveControllerHost & HTMLElement, private readonly take: (files: File[]) => void) {
    host.addController(this);
  }

  hostConnected(): void {
    const { signal } = this.ending;
    const over = (event: DragEvent): void => {
      if (!event.dataTransfer?.types.includes('Files')) return;
      event.preventDefault();
      this.host.toggleAttribute('dropping', true);
    };
    addEventListener('dragenter', over, { signal });
    addEventListener('dragover', over, { signal });
    addEventListener('dragleave', ({ relatedTarget }) => this.host.toggleAttribute('dropping', relatedTarget !== null), { signal });
    addEventListener('drop', (event) => {
      this.host.toggleAttribute('dropping', false);
      if (!event.dataTransfer?.files.length) return;
      event.preventDefault();
      this.take([...event.dataTransfer.files]);
    }, { signal });
  }

  hostDisconnected(): void {
    this.ending.abort();
  }
}

/** By its name or, as other programs store models under hashes, by its first bytes. */
export const isGguf = async (file: Blob & { readonly name: string }): Promise<boolean> =>
  /\.gguf$/i.test(file.name) || (await file.slice(0, 4).text().catch(() => '')) === 'GGUF'; // a folder cannot be read

interface LaunchQueue {
  setConsumer(consumer: (launch: { files: FileSystemFileHandle[] }) => void): void;
}

/** Files that the system opens with the installed page, in browsers that have this. */
export function takeLaunchedFiles(take: (files: File[]) => void): void {
  const { launchQueue } = globalThis as { launchQueue?: LaunchQueue };
  launchQueue?.setConsumer(async ({ files }) => {
    if (files.length > 0) take(await Promise.all(files.map((file) => file.getFile())));
  });
}

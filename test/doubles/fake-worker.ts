// A Worker for tests in Node: a message channel with a scripted engine at its far end. Not shipped.
import { expose } from 'comlink';
import { transferErrorCodes } from '../../src/error-transfer.ts';
import { type GenerateControl, type GenerateEvent, type GenerateRequest, type GenerateStats, type ModelInfo, type WorkerEngine } from '../../src/protocol.ts';

export const modelInfo: ModelInfo = {
  id: 'fake',
  name: 'Fake 1M',
  architecture: 'llama',
  parameters: 1e6,
  activeParameters: 1e6,
  context: 2048,
  fileBytes: 1000,
  adapter: 'none',
  device: { f16: 'no' },
  kernels: {},
  kv: 'f16',
};
export const generateStats: GenerateStats = {
  guessedTokens: 3,
  rightTokens: 1,
  promptTokens: 7, cachedTokens: 2, newTokens: 3, prefillMs: 1, decodeMs: 2, gpuBytesPeak: 4,
};
/** Of a text that is embedded. */
export const embedStats = (promptTokens: number): GenerateStats => ({
  promptTokens, cachedTokens: 0, newTokens: 0, prefillMs: 3, decodeMs: 0, gpuBytesPeak: 4,
});

transferErrorCodes();

/** Like a Worker: `terminate` silences it for ever, and a pending call just stays pending. */
export class FakeWorker extends EventTarget {
  terminated = false;
  listeners = 0;
  private readonly channel = new MessageChannel();

  constructor(engine: Partial<WorkerEngine>) {
    super();
    expose({ load: async () => modelInfo, ...engine }, this.channel.port2);
    this.channel.port1.onmessage = ({ data }) => this.dispatchEvent(new MessageEvent('message', { data }));
  }

  postMessage(message: unknown, transfer: Transferable[] = []): void {
    if (!this.terminated) this.channel.port1.postMessage(message, transfer);
  }

  terminate(): void {
    this.terminated = true;
    this.channel.port1.close();
  }

  override addEventListener(...args: Parameters<EventTarget['addEventListener']>): void {
    this.listeners++;
    super.addEventListener(...args);
  }

  override removeEventListener(...args: Parameters<EventTarget['removeEventListener']>): void {
    this.listeners--;
    super.removeEventListener(...args);
  }

  /** What a browser does when the worker's script throws or cannot be loaded. */
  crash(message?: string): void {
    this.dispatchEvent(Object.assign(new Event('error'), message === undefined ? {} : { message }));
  }
}

/** A `generate` that says `words` one by one, a turn of the event loop apart, and obeys a stop; `log` gets what happened. */
export const speaker = (words: string[], log: string[] = []): WorkerEngine['generate'] =>
  async (_request: GenerateRequest, port: MessagePort) => {
    const send = (event: GenerateEvent): void => port.postMessage(event);
    let stopped = false;
    port.onmessage = ({ data }: MessageEvent<GenerateControl>) => {
      if (data.type === 'stop') stopped = true;
    };
    port.addEventListener('close', () => log.push('closed'));
    for (const [i, word] of words.entries()) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      if (stopped) {
        log.push('stopped');
        return send({ type: 'done', reason: 'abort', stats: generateStats });
      }
      log.push(word);
      send({ type: 'tokens', tokens: [{ id: i }], text: word });
    }
    send({ type: 'done', reason: 'stop', stats: generateStats });
  };

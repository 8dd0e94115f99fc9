// Just enough of the browser's Worker, over node:worker_threads, for wllama's Emscripten module, which is built for browsers.
// wllama's worker and each pthread that it starts run in a thread of their own, as in a browser; the first gets Dawn.
import { readFileSync } from 'node:fs';
import vm from 'node:vm';
import { Worker as Thread, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { countCalls } from './count-calls.mjs';
import { installDawn } from './dawn.mjs';
import { settings } from './protocol.mjs';

const origin = 'http://localhost'; // http://localhost/path stands for the file /path
const blobs = new Map(); // by blob: URL
const workers = [];
const transferList = (transfer) => (Array.isArray(transfer) ? transfer : transfer?.transfer);

class WebWorker {
  #thread;
  #early = [];
  #asked = [];

  constructor(url, { name = '' } = {}) {
    workers.push(this);
    void blobs.get(String(url)).text().then((code) => {
      this.#thread = new Thread(new URL(import.meta.url), { workerData: { code, name }, argv: process.argv.slice(2) });
      this.#thread.on('message', (data) => (data?.calls ? this.#asked.shift()(data.calls) : this.onmessage?.({ data })));
      this.#thread.on('error', (error) => this.onerror?.(error));
      for (const message of this.#early) this.#thread.postMessage(...message);
    });
  }
  postMessage(data, transfer) {
    const message = [data, transferList(transfer)];
    if (this.#thread) this.#thread.postMessage(...message);
    else this.#early.push(message);
  }
  /** What count-calls.mjs counted in this worker so far. */
  calls() {
    return new Promise((resolve) => {
      this.#asked.push(resolve);
      this.postMessage({ countCalls: true });
    });
  }
  terminate() {
    this.#thread?.terminate();
  }
  ref() {
    this.#thread?.ref();
  }
  unref() {
    this.#thread?.unref();
  }
}

/** The WebGPU calls of wllama's worker. */
export const workerCalls = () => workers[0].calls();

/** What wllama looks for in a page or worker. Call it before importing wllama. */
export function installBrowser() {
  Object.assign(globalThis, { self: globalThis, location: { href: `${origin}/` }, Worker: WebWorker });
  const { createObjectURL } = URL;
  URL.createObjectURL = (blob) => {
    const url = createObjectURL(blob);
    blobs.set(url, blob);
    return url;
  };
  globalThis.fetch = (url) => {
    const { pathname } = new URL(url);
    const type = pathname.endsWith('.wasm') ? 'application/wasm' : 'application/octet-stream';
    return Promise.resolve(new Response(readFileSync(decodeURIComponent(pathname)), { headers: { 'content-type': type } }));
  };
}

async function runWorker({ code, name }) {
  installBrowser();
  process.type = 'renderer'; // keeps Emscripten from taking its path for Node
  Object.assign(globalThis, {
    name, WorkerGlobalScope: function () {}, close: () => process.exit(0),
    postMessage: (data, transfer) => parentPort.postMessage(data, transferList(transfer)),
  });
  // llama.cpp aborts when a wait for the queue takes 30 s, which a software adapter on a busy machine may need.
  const { setTimeout } = globalThis;
  globalThis.setTimeout = (f, ms, ...args) => {
    const timer = setTimeout(f, ms >= 1000 ? 20 * ms : ms, ...args);
    timer.unref();
    return timer;
  };
  let counts = {};
  if (settings.gpu && !name.startsWith('em-pthread')) {
    const { adapter, globals } = await installDawn(settings.dawnFlags);
    console.error(`adapter: ${adapter}`);
    if (settings.count) counts = countCalls(globals);
  }
  parentPort.on('message', (data) => {
    if (data?.countCalls) parentPort.postMessage({ calls: { ...counts } });
    else globalThis.onmessage?.({ data });
  });
  vm.runInThisContext(code, { filename: name || 'wllama-worker.js' });
}

if (!isMainThread && workerData?.code) await runWorker(workerData);

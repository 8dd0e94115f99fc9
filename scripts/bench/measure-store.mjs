// Measures the two places where a slab can lie, in Chromium with a profile on disk: a Blob in IndexedDB, a file in the
// origin's private file system. Prints one line each; docs/decisions/store.md says what follows. Not part of a build.
//   node scripts/bench/measure-store.mjs [slabs of 16 MiB, default 32]
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright';
import { chromiumArgs, findChromium } from '../browser.mjs';
import { samplePss } from './pss.mjs';

const slabs = Number(process.argv[2] ?? 32);

/** Runs in a worker. */
const worker = `
const slabBytes = 2 ** 24;
const bytes = new Uint8Array(slabBytes);
for (let at = 0; at < slabBytes; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
const open = () => new Promise((resolve, reject) => {
  const request = indexedDB.open('measure', 1);
  request.onupgradeneeded = () => request.result.createObjectStore('slabs');
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});
const done = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});
const committed = (transaction) => new Promise((resolve, reject) => {
  transaction.oncomplete = resolve;
  transaction.onerror = () => reject(transaction.error);
});
const folder = async () => (await navigator.storage.getDirectory()).getDirectoryHandle('measure', { create: true });
const places = {
  async indexeddb() {
    const db = await open();
    return {
      async write(n) { const t = db.transaction('slabs', 'readwrite'); t.objectStore('slabs').put(new Blob([bytes]), n); await committed(t); },
      async read(n, from, length) {
        const blob = await done(db.transaction('slabs').objectStore('slabs').get(n));
        return new Uint8Array(await blob.slice(from, from + length).arrayBuffer());
      },
    };
  },
  async 'opfs sync handle'() {
    const dir = await folder();
    return {
      async write(n) {
        const h = await (await dir.getFileHandle('slab' + n, { create: true })).createSyncAccessHandle();
        h.write(bytes, { at: 0 });
        h.flush();
        h.close();
      },
      async read(n, from, length) {
        const h = await (await dir.getFileHandle('slab' + n)).createSyncAccessHandle({ mode: 'read-only' });
        const out = new Uint8Array(length); h.read(out, { at: from }); h.close(); return out;
      },
    };
  },
  async 'opfs kept sync handle'() {
    const dir = await folder();
    const handles = new Map();
    return {
      async write() {},
      async read(n, from, length) {
        if (!handles.has(n)) handles.set(n, await (await dir.getFileHandle('slab' + n)).createSyncAccessHandle({ mode: 'read-only' }));
        const out = new Uint8Array(length); handles.get(n).read(out, { at: from }); return out;
      },
    };
  },
  async 'opfs getFile'() {
    const dir = await folder();
    return {
      async write() {},
      async read(n, from, length) {
        const file = await (await dir.getFileHandle('slab' + n)).getFile();
        return new Uint8Array(await file.slice(from, from + length).arrayBuffer());
      },
    };
  },
};
onmessage = async ({ data: { place, slabs, phase } }) => {
  const { write, read } = await places[place]();
  const start = performance.now();
  if (phase === 'write') { for (let n = 0; n < slabs; n++) { bytes[0] = n; await write(n); } }
  if (phase === 'whole') {
    for (let n = 0; n < slabs; n++) {
      const b = await read(n, 0, slabBytes);
      if (b.length !== slabBytes || b[0] !== n) throw new Error('wrong bytes');
    }
  }
  if (phase === 'slice') {
    for (let n = 0; n < 200; n++) {
      const b = await read(n % slabs, (n * 65536 * 7) % (slabBytes - 65536), 65536);
      if (b.length !== 65536) throw new Error('short');
    }
  }
  postMessage(performance.now() - start);
};`;

const server = createServer((request, response) => {
  const script = request.url === '/worker.js';
  response.writeHead(200, { 'content-type': script ? 'text/javascript' : 'text/html' }).end(script ? worker : '<title>measure</title>');
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
const address = server.address();
const profile = mkdtempSync(join(tmpdir(), 'windrow-measure-'));
const context = await chromium.launchPersistentContext(profile, { executablePath: findChromium(), args: chromiumArgs });
try {
  const page = context.pages()[0];
  await page.goto(`http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/`);
  for (const place of ['indexeddb', 'opfs sync handle', 'opfs kept sync handle', 'opfs getFile']) {
    const row = [place.padEnd(22)];
    for (const phase of ['write', 'whole', 'slice']) {
      const pss = samplePss(profile, 50);
      const ms = await page.evaluate((task) => new Promise((resolve, reject) => {
        const w = new Worker('/worker.js');
        w.onmessage = ({ data }) => { w.terminate(); resolve(data); };
        w.onerror = (e) => reject(new Error(e.message));
        w.postMessage(task);
      }), { place, phase, slabs });
      const { growth } = pss.stop();
      const speed = phase === 'slice' ? `${(ms / 200).toFixed(3)} ms per 64 KiB` : `${Math.round((slabs * 16 * 1.048576) / (ms / 1000))} MB/s`;
      if (ms > 20) row.push(`${phase} ${speed} (+${Math.round(growth / 2 ** 20)} MiB)`.padEnd(40));
    }
    console.log(row.join(''));
  }
} finally {
  await context.close();
  server.close();
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
}

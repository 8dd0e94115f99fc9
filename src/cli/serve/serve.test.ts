// Ports and loading, with engines that are not: a real one is in test/gpu.
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { modelInfo } from '../../../test/doubles/fake-worker.ts';
import { type Engine } from '../../engine/engine.ts';
import { RequestError } from '../../errors.ts';
import { startServer } from './serve.ts';

const options = { host: '127.0.0.1', port: 0, origins: [] };
async function listening(): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, close: () => new Promise((resolve) => server.close(() => resolve())) };
}
async function freePort(): Promise<number> {
  const { port, close } = await listening();
  await close();
  return port;
}
const fakeEngine = (log: string[]) => ({ loaded: () => ({ info: modelInfo }), unload: async () => void log.push('unloaded') }) as unknown as Engine;

test('a port in use is told before the model is loaded', async () => {
  const { port, close } = await listening();
  const log: string[] = [];
  const load = async () => (log.push('loaded'), fakeEngine(log));
  await expect(startServer(load, { ...options, port })).rejects.toThrow(new RequestError(`Port ${port} of 127.0.0.1 is in use. Give another by --port.`));
  expect(log).toEqual([]);
  await close();
});

test('answers 503 while the model is loaded, then as it should, and gives the engine back', async () => {
  const port = await freePort();
  const log: string[] = [];
  const ask = async () => (await fetch(`http://127.0.0.1:${port}/v1/models`)).status;
  const serving = await startServer(async () => (log.push(String(await ask())), fakeEngine(log)), { ...options, port });
  log.push(String(await ask()));
  await serving.close();
  expect(log).toEqual(['503', '200', 'unloaded']);
});

test('a model that does not load leaves no server', async () => {
  const port = await freePort();
  const ask = async () => (await fetch(`http://127.0.0.1:${port}/v1/models`)).status;
  const failing = async (): Promise<Engine> => {
    throw new RequestError(`No such file, but the server answers ${await ask()}.`);
  };
  await expect(startServer(failing, { ...options, port })).rejects.toThrow('No such file, but the server answers 503.');
  await expect(ask()).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
});

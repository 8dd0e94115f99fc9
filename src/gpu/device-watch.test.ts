import { expect, it } from 'vitest';
import { watchDevice } from './device-watch.ts';

function fakeDevice() {
  const listeners = new Set<(event: { error: { message: string } }) => void>();
  let lose: (info: { message: string }) => void = () => {};
  const device = {
    addEventListener: (_: string, listener: never) => void listeners.add(listener),
    removeEventListener: (_: string, listener: never) => void listeners.delete(listener),
    lost: new Promise<{ message: string }>((resolve) => (lose = resolve)),
  };
  const refuse = (message: string) => listeners.forEach((listener) => listener({ error: { message } }));
  return { device: device as unknown as GPUDevice, listeners, refuse, lose };
}

it('a device has one listener, whoever watches it, and none once it is lost', async () => {
  const { device, listeners, lose } = fakeDevice();
  const checks = Array.from({ length: 20 }, () => watchDevice(device));
  expect(listeners.size).toBe(1);
  lose({ message: 'gone' });
  await device.lost;
  await Promise.resolve();
  expect(listeners.size).toBe(0);
  for (const check of checks) expect(check).toThrow('The GPU was lost: gone. Load the model again.');
});

it('work that was refused is told to those who watched then, and not to who began later', () => {
  const { device, refuse } = fakeDevice();
  const first = watchDevice(device);
  expect(first).not.toThrow();
  refuse('too large\nat line 1');
  const second = watchDevice(device);
  expect(first).toThrow('The GPU refused work: too large. Load the model again');
  expect(second).not.toThrow();
  refuse('again');
  expect(second).toThrow('The GPU refused work: again.');
});

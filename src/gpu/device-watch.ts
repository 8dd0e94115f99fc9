// What a device reports outside of any call: that it is lost, or that it has refused work.
import { DeviceError } from '../errors.ts';

/** Listens from now on. What it returns throws DeviceError once the device was lost, or has refused work, after which work may be left out without a word. */
export function watchDevice(device: GPUDevice): () => void {
  let lost: GPUDeviceLostInfo | undefined;
  let wrong: GPUError | undefined;
  const noteError = ({ error }: GPUUncapturedErrorEvent) => (wrong ??= error);
  device.addEventListener('uncapturederror', noteError);
  void device.lost.then((info) => {
    lost = info;
    device.removeEventListener('uncapturederror', noteError); // Dawn holds it for ever, and it holds the device
  });
  return () => {
    if (lost) throw new DeviceError(`The GPU was lost: ${lost.message || lost.reason}. Load the model again.`, { code: 'gpu_lost' });
    if (wrong)
      throw new DeviceError(
        `The GPU refused work: ${wrong.message.split('\n')[0]}. Load the model again, with a smaller budget or context if memory was short.`,
        { code: 'gpu_refused_work' },
      );
  };
}

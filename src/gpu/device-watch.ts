// What a device reports outside of any call: that it is lost, or that it has refused work.
import { DeviceError } from '../errors.ts';

interface Reported {
  lost?: GPUDeviceLostInfo;
  /** Work that was refused so far, and why the last was. */
  refused: number;
  wrong?: GPUError;
}

/** Of each device that is watched: one listener, however many models it has had. */
const reports = new WeakMap<GPUDevice, Reported>();

function listen(device: GPUDevice): Reported {
  const reported: Reported = { refused: 0 };
  reports.set(device, reported);
  const noteError = ({ error }: GPUUncapturedErrorEvent) => {
    reported.refused++;
    reported.wrong = error;
  };
  device.addEventListener('uncapturederror', noteError);
  void device.lost.then((info) => {
    reported.lost = info;
    device.removeEventListener('uncapturederror', noteError); // Dawn holds it for ever, and it holds the device
  });
  return reported;
}

/** Listens from now on. What it returns throws DeviceError once the device was lost, or has refused work, after which work may be left out without a word. */
export function watchDevice(device: GPUDevice): () => void {
  const reported = reports.get(device) ?? listen(device);
  const { refused } = reported;
  return () => {
    const { lost, wrong } = reported;
    if (lost) throw new DeviceError(`The GPU was lost: ${lost.message || lost.reason}. Load the model again.`, { code: 'gpu_lost' });
    if (wrong && reported.refused > refused)
      throw new DeviceError(
        `The GPU refused work: ${wrong.message.split('\n')[0]}. Load the model again, with a smaller budget or context if memory was short.`,
        { code: 'gpu_refused_work' },
      );
  };
}

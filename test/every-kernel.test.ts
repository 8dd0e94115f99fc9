import { describe, expect, it } from 'vitest';
import { kernelKey, kernelSource, readInterface } from '../src/gpu/kernels.ts';
import { everyKernel } from './every-kernel.ts';

describe('every kernel', async () => {
  const specs = await everyKernel();

  it('binds each number once, and at most the eight buffers that every device has', () => {
    const wrong = specs.flatMap((spec) => {
      const bindings = [...readInterface(kernelSource(spec)).bindings.values()];
      const storage = bindings.filter(({ type }) => type !== 'uniform').length;
      return new Set(bindings.map(({ binding }) => binding)).size === bindings.length && storage <= 8 ? [] : [kernelKey(spec)];
    });
    expect(specs.length).toBeGreaterThan(5000);
    expect(wrong).toEqual([]);
  });
});

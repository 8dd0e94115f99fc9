import { expect, test } from 'vitest';
import { isSoftware } from './device.ts';

const on = (architecture: string, description: string, isFallbackAdapter: boolean) => isSoftware({ architecture, description, isFallbackAdapter });

test('an adapter is in software if it says so, or if it is known by name where a browser does not tell', () => {
  expect(on('software', 'llvmpipe: Mesa 25.0.7', true)).toBe(true);
  expect(on('', 'a rasteriser yet unknown', true)).toBe(true);
  for (const name of ['SwiftShader driver 5.0.0', 'llvmpipe (LLVM 15.0.6, 256 bits)', 'Microsoft Basic Render Driver']) expect(on('', name, false)).toBe(true);
  expect(on('swiftshader', '', undefined as unknown as boolean)).toBe(true); // older than the flag
  expect(on('hopper', 'NVIDIA H200', false)).toBe(false);
  expect(on('', '', undefined as unknown as boolean)).toBe(false);
});

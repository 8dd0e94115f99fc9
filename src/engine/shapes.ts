// Which kernels and shapes a device gets before anything is measured: those that suit GPUs.
import { type Gpu } from '../gpu/device.ts';
import { type Shapes } from '../model/record.ts';

export function defaultShapes({ device, features }: Gpu, { f32 = false } = {}): Shapes {
  return {
    splits: Math.min(8, Math.floor(device.limits.maxComputeInvocationsPerWorkgroup / 32)),
    panels: 1,
    prefill: 'tile',
    tile: features.f16 && !f32 ? 'f16' : 'f32',
    cache: f32 ? 'f32' : 'f16',
    reduce: features.subgroups ? 'subgroup' : 'workgroup',
  };
}

/** Shapes from text such as `splits=1,prefill=rows`, over the given ones. For tests and measurements. */
export function parseShapes(text: string, base: Shapes): Shapes {
  const shapes: Record<string, number | string> = { ...base };
  for (const pair of text.split(',').filter(Boolean)) {
    const [name, value] = pair.split('=');
    if (!(name in base) || value === undefined) throw new Error(`"${pair}" is not a shape; known are ${Object.keys(base).join(', ')}, as in splits=1,prefill=rows.`);
    shapes[name] = typeof shapes[name] === 'number' ? Number(value) : value;
  }
  return shapes as unknown as Shapes;
}

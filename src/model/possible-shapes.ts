// Which choices of shapes a device can run at all. Knows nothing of which are good.
import { type Gpu } from '../gpu/device.ts';
import { type Shapes, lanesOf } from './record.ts';

/** What `gpu` lacks for `shapes`, if anything. */
export function missing({ device, features, smallestSubgroup }: Gpu, { splits, few, prefill = 'tile', tile, dot, reduce }: Partial<Shapes>): string | undefined {
  const { maxComputeInvocationsPerWorkgroup: most } = device.limits;
  if (tile === 'f16' && !features.f16) return 'the device has no shader-f16';
  if (dot === 'i8' && !features.packedDot) return 'the browser has no packed_4x8_integer_dot_product';
  if (reduce === 'subgroup' && !features.subgroups) return 'the device has no subgroups';
  if (lanesOf[prefill] && !features.subgroups) return 'the device has no subgroups';
  if (lanesOf[prefill] > smallestSubgroup) return `its subgroups may be as small as ${smallestSubgroup}`;
  if (splits && splits * 32 > most) return `${splits} splits need workgroups of ${splits * 32}; the device allows ${most}`;
  if (few && few * 32 > most) return `${few} splits of few rows need workgroups of ${few * 32}; the device allows ${most}`;
  return undefined;
}

// Which choices of shapes a device can run at all. Knows nothing of which are good.
import { type Gpu } from '../../gpu/device.ts';
import { lanesOf, sharing } from '../blocks/products.ts';
import { type KernelChoice, rowsEach } from './kernel-choice.ts';
import { type MatrixPrefill, fitsTile, matrixPrefill, matrixWorkgroupBytes, unitOf } from './subgroup-matrix.ts';

/** What `gpu` lacks for `choice`, if anything. */
export function missing(
  { device, features, smallestSubgroup, largestSubgroup, matrixUnits }: Gpu,
  { splits, panels = 1, few, prefill = 'tile', tile, dot, reduce, span, threads, uniform, lanes = 0 }: Partial<KernelChoice>,
): string | undefined {
  const { maxComputeInvocationsPerWorkgroup: most, maxComputeWorkgroupStorageSize: memory } = device.limits;
  if (tile === 'f16' && !features.f16) return 'the device has no shader-f16';
  if ((dot === 'i8' || tile === 'i16' || tile === 'i8') && !features.packedDot) return 'the browser has no packed_4x8_integer_dot_product';
  if (reduce === 'subgroup' && !features.subgroups) return 'the device has no subgroups';
  const together = Math.max(lanes, lanesOf(prefill), sharing(dot));
  if ((together || uniform) && !features.subgroups) return 'the device has no subgroups';
  if (uniform && uniform < largestSubgroup) return `its subgroups may be as large as ${largestSubgroup}`;
  if (together > smallestSubgroup) return `its subgroups may be as small as ${smallestSubgroup}`;
  const unit = unitOf(prefill);
  if (unit && !matrixUnits.some((each) => matrixPrefill(each) === prefill)) return 'the device has no such subgroup matrices';
  if (unit && !fitsTile(unit)) return 'a tile of 64 x 64 cannot be divided into such subgroup matrices';
  if (unit && matrixWorkgroupBytes(unit) > memory)
    return `such subgroup matrices need ${matrixWorkgroupBytes(unit)} bytes of workgroup memory; the device allows ${memory}`;
  const needed = splits && splits * rowsEach({ panels });
  if (needed && needed > most) return `${splits} splits need workgroups of ${needed}; the device allows ${most}`;
  if (few && few * 32 > most) return `${few} splits of few rows need workgroups of ${few * 32}; the device allows ${most}`;
  if (span && threads && span < threads) return `attention of ${threads} threads needs a span of as many positions`;
  return undefined;
}

/** Ways of prefill by the device's subgroup matrices; `exact`: of those that round nothing. */
export const matrixPrefills = (gpu: Gpu, exact = false): MatrixPrefill[] =>
  gpu.matrixUnits.filter(({ component }) => !exact || component === 'f32').map(matrixPrefill).filter((prefill) => !missing(gpu, { prefill }));

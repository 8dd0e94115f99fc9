// The kernels that kernels-gpu leaves to this file, with all that the adapter offers; and all with the specification's default limits and
// without optional features.
import { describeKernels, others } from '../../kernel-checks.ts';
import { isSwiftShader } from '../../dawn.ts';
import { isFull } from '../../verified.ts';

const file = 'other-kernels-gpu.test.ts';

describeKernels('all that the adapter offers: other kernels', {}, file, others);
if (isFull || !isSwiftShader) // one software adapter is enough for these
  describeKernels('the default limits, and neither subgroups nor shader-f16', { limits: 'default', without: ['subgroups', 'shader-f16'] }, file);
if (isFull) describeKernels('the default limits', { limits: 'default' }, file);

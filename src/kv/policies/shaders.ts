// Has kernels find the shaders of policies.
import { addLateShaders } from '../../gpu/kernels.ts';
import { policyShaders } from '../../gpu/policy-kernels.ts';

/** To be called by what needs them: an import for its effects alone would be left out of bundles. */
export const addPolicyShaders = (): void => addLateShaders(policyShaders);

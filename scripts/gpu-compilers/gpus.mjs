// @ts-check
// The GPUs that Mesa's drivers compile for without having them: how each is asked for, and what of the driver's statistics says whether a kernel
// fits its registers. AMD's need the installed driver alone, the others what build.sh makes.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What build.sh makes, and Vulkan's loader finds the layer in. */
export const builds = fileURLToPath(new URL('../../.cache/gpu-compilers/', import.meta.url));

/** @typedef {Record<string, any>} Statistics as the driver names them, with `subgroup`: threads of one */
/**
 * What matters of a kernel: registers of a thread, memory in place of registers (bytes of a thread or a wave, and instructions that move values
 * there and back), and how many waves or warps fit, by registers and workgroup memory, of the most there are.
 * @typedef {{ registers: number, memory: number, spills: number, waves?: string, instructions: number }} Use
 */
/**
 * @typedef {object} KnownGpu
 * @property {string} title
 * @property {string} vendor as WebGPU names it
 * @property {number} subgroup threads of the largest
 * @property {string} icd the driver's file
 * @property {string} [preload] library that shows the driver a GPU
 * @property {string[]} [loader] program that starts others with another C library
 * @property {string} [dawn] Dawn's toggle
 * @property {Record<string, string>} env
 * @property {(found: { statistics: Statistics, output: string, code: Record<string, string> }) => Use} use
 * @property {number} mostSpills in a kernel that may be offered
 * @property {number} [attentionSpills] the same of prefill's attention, whose sums fill the registers
 */

const installed = (/** @type {string} */ name) => `/usr/share/vulkan/icd.d/${name}_icd.json`;

/** AMD, as Mesa names the families. On RDNA it counts waves of 32 threads. @param {string} family @param {string} title @returns {KnownGpu} */
const amd = (family, title) => ({
  title,
  vendor: 'amd',
  subgroup: 64,
  icd: installed('radeon'),
  env: { RADV_FORCE_FAMILY: family },
  mostSpills: 4,
  use: ({ statistics: s }) => ({
    registers: s.VGPRs, memory: s['Scratch size'], spills: s['Spilled VGPRs'], waves: `${Math.floor(s['Subgroups per SIMD'] / (s.subgroup / 32))} of 16`,
    instructions: s.Instructions,
  }),
});

/** Intel, as Mesa names the platforms. @param {string} platform @param {string} title @returns {KnownGpu} */
const intel = (platform, title) => ({
  title,
  vendor: 'intel',
  subgroup: 32,
  icd: installed('intel'),
  env: { INTEL_STUB_GPU_PLATFORM: platform },
  preload: `${builds}libintel_noop_drm_shim.so`,
  mostSpills: 4,
  attentionSpills: 40,
  use: ({ statistics: s }) => ({
    registers: s['Max live registers'], memory: s['Spill Count'] ? 0 : s['Scratch Memory Size'], spills: s['Spill Count'], instructions: s['Instruction Count'],
  }),
});

const libraries = `${builds}trixie/usr/lib/x86_64-linux-gnu`;

/**
 * NVIDIA: Mesa's NVK out of a newer Debian's package, run with its C library. Chrome offers no f16 there with Vulkan; here Dawn is told to.
 * @param {string} chipset @param {number} warps that a multiprocessor has room for @param {string} title @returns {KnownGpu}
 */
const nvidia = (chipset, warps, title) => ({
  title,
  vendor: 'nvidia',
  subgroup: 32,
  icd: `${builds}trixie/nouveau_icd.json`,
  loader: [`${libraries}/ld-linux-x86-64.so.2`, '--library-path', `${libraries}:/usr/lib/x86_64-linux-gnu`],
  dawn: 'vulkan_enable_f16_on_nvidia',
  env: { NOUVEAU_CHIPSET: chipset, NVK_I_WANT_A_BROKEN_VULKAN_DRIVER: '1' },
  preload: `${builds}libnouveau_noop_drm_shim.so`,
  mostSpills: 4,
  use: ({ statistics: s }) => ({
    registers: s['Number of GPRs'], memory: s['SLM size'], spills: s['Spills to memory'], waves: `${s['Max warps/SM']} of ${warps}`,
    instructions: s['Instruction count'],
  }),
});

/** Adreno: Mesa's turnip, by its numbers. @param {string} id @param {string} title @returns {KnownGpu} */
const adreno = (id, title) => ({
  title,
  vendor: 'qualcomm',
  subgroup: 128,
  icd: `${builds}freedreno_icd.json`,
  env: { FD_GPU_ID: id },
  preload: `${builds}libfreedreno_noop_drm_shim.so`,
  mostSpills: 4,
  use: ({ statistics: s }) => ({
    registers: s['Registers used'], memory: 0, spills: s['STP Count'], waves: `${s['Max Waves Per Core']} of 16`, instructions: s['Instruction Count'],
  }),
});

/** Mali: Mesa's panvk, which prints its statistics. @param {string} id @param {string} title @returns {KnownGpu} */
const mali = (id, title) => ({
  title,
  vendor: 'arm',
  subgroup: 16,
  icd: `${builds}panfrost_icd.json`,
  env: {
    PAN_GPU_ID: id, PAN_I_WANT_A_BROKEN_VULKAN_DRIVER: '1', MESA_VK_VERSION_OVERRIDE: '1.1', BIFROST_MESA_DEBUG: 'shaderdb',
    COMPILE_ONLY_OUTPUT: '1', COMPILE_ONLY_CODE: '1',
  },
  preload: `${builds}libpanfrost_noop_drm_shim.so`,
  mostSpills: 4,
  attentionSpills: 60,
  use({ output, code }) {
    const line = output.slice(output.lastIndexOf('SHADER-DB'));
    const count = (/** @type {string} */ name) => Number(new RegExp(`([\\d.]+) ${name}\\b`).exec(line)?.[1] ?? 0);
    return {
      registers: count('threads') === 2 ? 32 : 64,
      memory: Number(/^scratch: (\d+)/m.exec(code['NIR shader'] ?? '')?.[1] ?? 0),
      spills: Number(/(\d+):\d+ spills:fills/.exec(line)?.[1] ?? 0),
      waves: count('threads') === 2 ? 'all' : 'half', instructions: count('inst'),
    };
  },
});

/** @type {Record<string, KnownGpu>} */
export const gpus = {
  navi21: amd('navi21', 'AMD RDNA 2'),
  navi31: amd('navi31', 'AMD RDNA 3'),
  gfx1201: amd('gfx1201', 'AMD RDNA 4'),
  dg2: intel('dg2', 'Intel Arc A'),
  lnl: intel('lnl', 'Intel Xe2'),
  ga104: nvidia('174', 48, 'NVIDIA Ampere'),
  tu104: nvidia('164', 32, 'NVIDIA Turing'),
  'mali-g610': mali('a867', 'Mali G610'),
  adreno740: adreno('740', 'Adreno 740'),
};

/** Why a GPU's kernels cannot be compiled here; undefined if they can. @param {string} name @returns {string | undefined} */
export function lacking(name) {
  const { icd, preload, loader } = gpus[name];
  const missing = [icd, preload, loader?.[0]].find((file) => file && !existsSync(file));
  return missing && `${missing} is missing; scripts/gpu-compilers/build.sh makes what Mesa's package has not`;
}

/** What windrow is told of a GPU where it chooses how prefill's attention shares heads. @param {string} name */
export const described = (name) => ({ software: false, vendor: gpus[name].vendor, smallestSubgroup: 8, largestSubgroup: gpus[name].subgroup });

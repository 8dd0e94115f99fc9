// Finds the adapter and asks it for a device with all the limits and features that kernels can use.
import { DeviceError } from '../errors.ts';

export interface DeviceOptions {
  /** `default` asks for the specification's default limits only, as a weak adapter would have. */
  limits?: 'adapter' | 'default';
  /** Pretend that a storage binding may be at most this large. */
  maxBindingBytes?: number;
  /** Features to leave out even where the adapter has them. */
  without?: ('subgroups' | 'shader-f16' | 'packed_4x8_integer_dot_product' | 'chromium-experimental-subgroup-matrix' | 'timestamp-query')[];
}

/** Matrices of m x k and k x n components whose product a subgroup makes at once, in f32. */
export interface MatrixUnit {
  component: 'f16' | 'f32';
  m: number;
  n: number;
  k: number;
  /** Of a subgroup. */
  threads: number;
}

export interface Gpu {
  device: GPUDevice;
  /** Vendor, architecture and description, for people and for cache keys. */
  adapterName: string;
  /** False on Dawn's null backend, which does no work and gives no results: it shows what the host costs. */
  computes: boolean;
  /** The adapter does a GPU's work on the CPU. */
  software: boolean;
  features: {
    subgroups: boolean;
    f16: boolean;
    /** WGSL's products of four signed bytes. */
    packedDot: boolean;
  };
  /** Maker of the GPU as WebGPU names it, in small letters, as in `amd`; empty where the browser does not tell. */
  vendor: string;
  /** No subgroup has fewer threads; 0 without subgroups. */
  smallestSubgroup: number;
  /** Nor more. */
  largestSubgroup: number;
  /** What subgroups multiply at once, of those that sum in f32; only where all subgroups are of one size. */
  matrixUnits: MatrixUnit[];
  maxBindingBytes: number;
}

/** Chromium's name for what is not in the specification yet. */
const subgroupMatrix = 'chromium-experimental-subgroup-matrix';
const wantedLimits = [
  'maxBufferSize', 'maxStorageBufferBindingSize', 'maxStorageBuffersPerShaderStage', 'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup', 'maxComputeWorkgroupSizeX',
] as const;

export async function openGpu(gpu: GPU | undefined, options: DeviceOptions = {}): Promise<Gpu> {
  if (!gpu) {
    throw new DeviceError(
      'This browser has no WebGPU. Use a current Chrome, Edge, Safari or Firefox, over https or localhost, and check that hardware acceleration is on.',
    );
  }
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) {
    throw new DeviceError(
      'WebGPU found no GPU adapter. Check that hardware acceleration is on and the graphics driver is current; on Linux, Chrome may need the flag ' +
      '--enable-features=Vulkan.',
    );
  }
  const wanted = (['subgroups', 'shader-f16', subgroupMatrix, 'timestamp-query'] as const).filter(
    (name) => adapter.features.has(name) && !options.without?.includes(name),
  );
  const requiredLimits: Record<string, number> = {};
  if (options.limits !== 'default') for (const name of wantedLimits) requiredLimits[name] = adapter.limits[name];
  let device: GPUDevice;
  try {
    device = await adapter.requestDevice({ label: 'windrow', requiredFeatures: wanted as GPUFeatureName[], requiredLimits });
  } catch (error) {
    throw new DeviceError(`The GPU adapter gave no device: ${(error as Error).message}`);
  }
  const { vendor, architecture, description, subgroupMinSize = 4, subgroupMaxSize = 128 } = adapter.info; // by the specification from 4 to 128
  const adapterName = [vendor, architecture, description].filter(Boolean).join(' ') || 'unknown adapter';
  return {
    device,
    adapterName,
    computes: adapter.info.device !== 'null-backend',
    software: isSoftware(adapter.info),
    features: {
      subgroups: wanted.includes('subgroups'), f16: wanted.includes('shader-f16'),
      packedDot: gpu.wgslLanguageFeatures.has('packed_4x8_integer_dot_product') && !options.without?.includes('packed_4x8_integer_dot_product'),
    },
    vendor: vendor.toLowerCase(),
    smallestSubgroup: wanted.includes('subgroups') ? subgroupMinSize : 0,
    largestSubgroup: wanted.includes('subgroups') ? subgroupMaxSize : 0,
    matrixUnits: wanted.includes(subgroupMatrix) && gpu.wgslLanguageFeatures.has('subgroup_id') ? unitsOf(adapter.info, wanted.includes('shader-f16')) : [],
    maxBindingBytes: Math.min(device.limits.maxStorageBufferBindingSize, options.maxBindingBytes ?? Infinity),
  };
}

/** Whether an adapter does a GPU's work on the CPU: it says so, or, in browsers that do not tell yet, is known by name. */
export const isSoftware = ({
  isFallbackAdapter,
  architecture,
  description,
}: Pick<GPUAdapterInfo, 'isFallbackAdapter' | 'architecture' | 'description'>): boolean =>
  isFallbackAdapter || /swiftshader|llvmpipe|microsoft basic render/i.test(`${architecture} ${description}`);

/** What @webgpu/types lacks of `GPUAdapterInfo`: https://dawn.googlesource.com/dawn/+/refs/heads/main/docs/dawn/features/subgroup_matrix.md */
interface MatrixInfo {
  subgroupMatrixConfigs?: Iterable<{ componentType: string; resultComponentType: string; M: number; N: number; K: number }>;
}

/** Those of f16 first, as they are faster. */
function unitsOf({ subgroupMinSize: threads, subgroupMaxSize, subgroupMatrixConfigs = [] }: GPUAdapterInfo & MatrixInfo, f16: boolean): MatrixUnit[] {
  if (!threads || threads !== subgroupMaxSize) return [];
  const configs = [...subgroupMatrixConfigs].filter(({ resultComponentType }) => resultComponentType === 'f32');
  const components = f16 ? (['f16', 'f32'] as const) : (['f32'] as const);
  return components.flatMap((component) =>
    configs.filter(({ componentType }) => componentType === component).map(({ M: m, N: n, K: k }) => ({ component, m, n, k, threads })),
  );
}

/** Whether what was planned and chosen for one device holds for the other: all that its adapter tells is the same. */
export const isLike = (one: Gpu, other: Gpu): boolean => identityOf(one) === identityOf(other);

/** All that a device tells of itself: name, features, limits, sizes of subgroups. Two cards that tell the same are one by it. */
export const identityOf = ({ device: { limits }, ...told }: Gpu): string => JSON.stringify([told, wantedLimits.map((name) => limits[name])]);

/** What an adapter can do that bears on which kernels are chosen and how models are divided, for people. */
export const factsOf = ({ device: { limits }, features, smallestSubgroup, matrixUnits, software, maxBindingBytes }: Gpu): Record<string, string> => ({
  ...(software ? { adapter: 'in software' } : {}),
  f16: features.f16 ? 'yes' : 'no',
  subgroups: smallestSubgroup ? `of ${smallestSubgroup} or more` : 'no',
  'packed products': features.packedDot ? 'yes' : 'no',
  ...(matrixUnits.length ? { 'subgroup matrices': matrixUnits.map(({ component, m, n, k }) => `${component} ${m}x${n}x${k}`).join(', ') } : {}),
  'largest buffer': `${Math.floor(limits.maxBufferSize / 2 ** 20)} MiB`,
  'largest binding': `${Math.floor(maxBindingBytes / 2 ** 20)} MiB`,
});

/** The error to report if the device is lost, also if the news comes within `ms`: what WebGPU's calls say then is of no use to people. */
export async function lossOf(device: GPUDevice, ms = 0): Promise<DeviceError | undefined> {
  const soon = new Promise<undefined>((resolve) => setTimeout(resolve, ms));
  const lost = await Promise.race([device.lost, soon]);
  return lost && new DeviceError(`The GPU was lost: ${lost.message || lost.reason}. Load the model again.`, { code: 'gpu_lost' });
}

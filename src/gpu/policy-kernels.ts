// The shaders of policies of keys and values: a part of the chunk that has these.

/** Text by path. */
export const policyShaders = import.meta.glob<string>(['../../shaders/kv/policies/**/*.wgsl', '../../shaders/kernels/policies/**/*.wgsl'], {
  query: '?raw', import: 'default', eager: true,
});

// The shaders of operations that most models do without: a part of the chunk that has these.

/** Text by path. */
export const rareShaders = import.meta.glob<string>(['../../shaders/kernels/rare/*.wgsl', '../../shaders/parts/rare/**/*.wgsl'], {
  query: '?raw', import: 'default', eager: true,
});

// The shaders of operations that most models do without: a part of the chunk that has these.
import { addShaders } from './kernels.ts';

addShaders(
  import.meta.glob<string>(['../../shaders/kernels/rare/*.wgsl', '../../shaders/parts/rare/**/*.wgsl'], { query: '?raw', import: 'default', eager: true }),
);

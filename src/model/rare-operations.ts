// Operations that most models do without. With their shaders they are a part of the chunk that has the architectures, which alone name them.
import '../gpu/rare-kernels.ts';
import { addOperations } from './operations.ts';

addOperations(import.meta.glob('./ops/rare/*.ts', { eager: true }));

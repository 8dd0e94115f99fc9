// The types of windrow/node for TypeScript before 6, whose own library does not know WebGPU yet; later ones would clash with these.
/// <reference types="@webgpu/types" />
export * from '../dist/lib/node.js';

// Dawn for Node, set up alike for every engine on it. windrow's own is in src/node.ts.

/** Puts `navigator.gpu` and the WebGPU classes in place. `flags` are Dawn's, as in `backend=null`. */
export async function installDawn(flags = []) {
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  const gpu = create(flags);
  Object.defineProperty(globalThis.navigator, 'gpu', { value: gpu }); // also keeps it: Dawn crashes if it is collected
  const { description, architecture, vendor, isFallbackAdapter } = (await gpu.requestAdapter()).info;
  const adapter = [vendor, architecture, description].filter(Boolean).join(' ');
  if (isFallbackAdapter) yieldBetweenPolls();
  return { adapter, globals };
}

/**
 * Dawn polls with setImmediate, which keeps a core busy that a software adapter needs: there it yields a millisecond, as
 * windrow does. A real GPU would lose the millisecond at every wait.
 */
function yieldBetweenPolls() {
  const { setTimeout } = globalThis;
  globalThis.setImmediate = (f, ...args) => setTimeout(f, 1, ...args);
}

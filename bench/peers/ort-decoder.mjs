// A greedy decoder on onnxruntime-web's WebGPU, the same in Node and in a page: keys and values stay on the GPU, the largest
// of the last row's logits is taken in JavaScript. No Transformers.js around it, which would only add host time.

/**
 * @param ort onnxruntime-web
 * @param {Uint8Array} model an ONNX decoder of onnx/build.sh
 * @param {{ layers: number, kvHeads: number, headDim: number }} shape of its keys
 * @returns an async generator function: prompt ids in, new ids out, without end
 */
export async function createDecoder(ort, model, { layers, kvHeads, headDim }) {
  const names = Array.from({ length: layers }, (_, layer) => ['key', 'value'].map((kind) => `${layer}.${kind}`)).flat();
  const preferredOutputLocation = { logits: 'cpu', ...Object.fromEntries(names.map((name) => [`present.${name}`, 'gpu-buffer'])) };
  const session = await ort.InferenceSession.create(model, { executionProviders: ['webgpu'], preferredOutputLocation, logSeverityLevel: 3 });
  const integers = (values) => new ort.Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length]);

  return async function* decode(prompt) {
    let past = Object.fromEntries(names.map((name) => [`past_key_values.${name}`, new ort.Tensor('float32', new Float32Array(0), [1, kvHeads, 0, headDim])]));
    try {
      for (let ids = prompt, length = prompt.length; ; length++) {
        const output = await session.run({ input_ids: integers(ids), attention_mask: integers(new Array(length).fill(1)), ...past });
        free(past);
        past = Object.fromEntries(names.map((name) => [`past_key_values.${name}`, output[`present.${name}`]]));
        ids = [largest(output.logits.data.subarray(-output.logits.dims.at(-1)))];
        yield ids[0];
      }
    } finally {
      free(past);
    }
  };
}

const free = (tensors) => Object.values(tensors).forEach((tensor) => tensor.dispose());

function largest(values) {
  let at = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[at]) at = i;
  return at;
}

/** Times one answer: `mark` is awaited at the start, at the first token and at the end. */
export async function answer(decode, prompt, steps, mark) {
  const ids = [];
  await mark();
  for await (const id of decode(prompt)) {
    ids.push(id);
    if (ids.length === 1) await mark();
    if (ids.length > steps) break;
  }
  await mark();
  return ids;
}

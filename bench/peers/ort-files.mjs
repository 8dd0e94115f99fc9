// Where onnx/build.sh puts the ONNX model, and its tokenizer's text.
import { Tokenizer } from '@huggingface/tokenizers';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const json = (path) => JSON.parse(readFileSync(path, 'utf8'));

export function ortModel(folder) {
  const path = join(folder, 'model.onnx');
  if (!existsSync(path)) throw new Error(`There is no ${path}. Make it with bench/peers/onnx/build.sh, or name its folder by --onnx.`);
  return path;
}

/** How many layers there are, and the shape of their keys. */
export const ortShape = (folder) => json(join(folder, 'shape.json'));

/** Text of token ids. */
export function ortText(folder) {
  const tokenizer = new Tokenizer(json(join(folder, 'tokenizer.json')), json(join(folder, 'tokenizer_config.json')));
  return (ids) => tokenizer.decode(ids);
}

export const ortVersion = () => json(join(import.meta.dirname, 'package.json')).dependencies['onnxruntime-web'];

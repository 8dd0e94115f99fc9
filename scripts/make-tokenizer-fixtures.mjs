// Makes test/fixtures/text: vocabularies (compressed) and llama.cpp's ids for the variants and strings of cases.mjs.
//
//   node scripts/make-tokenizer-fixtures.mjs FIXTURES MODEL.gguf NODE_MODULES
//
// Needs: a folder with vocab/ (llama.cpp's ggml-vocab-*.gguf with .inp and .out) and smollm2/ (tokenizer.json,
// chat-template.json); the SmolLM2 model; a node_modules that holds node-llama-cpp 3.22.1 (700 MB, so no dependency of
// windrow). Takes about five minutes.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import { aliases, randomStrings, variants } from '../test/fixtures/text/cases.mjs';

const [fixtures, model, modules] = process.argv.slice(2);
const target = new URL('../test/fixtures/text/', import.meta.url).pathname;
const { getLlama } = await import(pathToFileURL(path.join(path.resolve(modules), 'node-llama-cpp/dist/index.js')));
const llama = await getLlama({ gpu: false, build: 'never', progressLogs: false, logLevel: 'fatal' });

const bases = ['gpt-2', 'llama-bpe', 'llama-spm', 'qwen2'];
const vocabularies = new Map();
for (const base of bases) {
  const file = path.join(fixtures, 'vocab', `ggml-vocab-${base}.gguf`);
  vocabularies.set(base, readMetadata(fs.readFileSync(file)));
  for (const kind of ['inp', 'out']) fs.copyFileSync(`${file}.${kind}`, `${target}${base}.${kind}`);
}
vocabularies.set('smollm2', readMetadata(fs.readFileSync(model)));
for (const [name, metadata] of vocabularies) write(`${name}.gguf.br`, writeGguf(metadata));
fs.copyFileSync(path.join(fixtures, 'smollm2/tokenizer.json'), `${target}smollm2-tokenizer.json`);
fs.copyFileSync(path.join(fixtures, 'smollm2/chat-template.json'), `${target}smollm2-chat-template.json`);

const texts = randomStrings(2000);
/** (variant) (text) its ids with control tokens as text, then with control tokens recognised. */
const results = new Map();
const facts = {};
for (const { name, base, change } of variants) {
  const metadata = new Map(vocabularies.get(base));
  change(metadata);
  const { ids, endOfTurn } = await tokenise(metadata, texts);
  results.set(name, ids);
  facts[name] = { endOfTurn };
  console.log(name, ids.reduce((sum, row) => sum + row.length, 0), 'ids');
}
for (const [name, others] of Object.entries(aliases)) {
  const expected = JSON.stringify(results.get(`gpt-2 as ${name}`).slice(0, 1000));
  for (const other of others.split(' ')) {
    const metadata = new Map(vocabularies.get('gpt-2')).set('tokenizer.ggml.pre', other);
    const { ids } = await tokenise(metadata, texts.slice(0, 500));
    if (JSON.stringify(ids) !== expected) throw new Error(`llama.cpp cuts ${other} not like ${name}`);
  }
  console.log(name, '=', others);
}
fs.writeFileSync(`${target}end-of-turn.json`, `${JSON.stringify(facts, null, 1)}\n`);

// Text by text, so that the nearly equal rows of the variants lie together: they compress to a tenth.
for (const base of bases) {
  const rows = [...results].filter(([name]) => variants.find((variant) => variant.name === name).base === base).map(([, ids]) => ids);
  const numbers = [];
  for (let i = 0; i < rows[0].length; i++) for (const ids of rows) numbers.push(ids[i].length, ...ids[i]);
  write(`${base}.ids.br`, Buffer.from(Uint32Array.from(numbers).buffer));
}
process.exit();

async function tokenise(metadata, strings) {
  const file = path.join(os.tmpdir(), `windrow-vocabulary-${process.pid}.gguf`);
  fs.writeFileSync(file, writeGguf(metadata));
  const loaded = await llama.loadModel({ modelPath: file, vocabOnly: true });
  const ids = strings.flatMap((text) => [loaded.tokenize(text, false), loaded.tokenize(text, true)].map((row) => [...row]));
  const endOfTurn = metadata.get('tokenizer.ggml.tokens').map((_, id) => id).filter((id) => loaded.isEogToken(id));
  await loaded.dispose();
  fs.rmSync(file);
  return { ids, endOfTurn };
}

function write(name, bytes) {
  const compressed = brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  });
  fs.writeFileSync(target + name, compressed);
  console.log(name, bytes.length, compressed.length);
}

/** Metadata of a GGUF v3 as a Map; arrays of i32 and f32 as typed arrays. Trusts the file. */
function readMetadata(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 16;
  const u32 = () => view.getUint32((at += 4) - 4, true);
  const u64 = () => Number(view.getBigUint64((at += 8) - 8, true));
  const string = () => {
    const length = u64();
    return bytes.toString('utf8', at, (at += length));
  };
  const one = {
    0: () => view.getUint8(at++), 4: u32, 5: () => view.getInt32((at += 4) - 4, true), 6: () => view.getFloat32((at += 4) - 4, true),
    7: () => view.getUint8(at++) === 1, 8: string, 10: u64,
  };
  const metadata = new Map();
  for (let count = u64(); count > 0; count--) {
    const key = string();
    const type = u32();
    if (type !== 9) metadata.set(key, one[type]());
    else {
      const element = u32();
      const values = Array.from({ length: u64() }, () => one[element]());
      metadata.set(key, element === 5 ? Int32Array.from(values) : element === 6 ? Float32Array.from(values) : values);
    }
  }
  return metadata;
}

/** A GGUF v3 without tensors. */
function writeGguf(metadata) {
  const parts = [];
  const number = (bytes, method, value) => {
    const part = Buffer.alloc(bytes);
    part[method](value);
    parts.push(part);
  };
  const u32 = (value) => number(4, 'writeUInt32LE', value);
  const u64 = (value) => number(8, 'writeBigUInt64LE', BigInt(value));
  const string = (text) => {
    const bytes = Buffer.from(text);
    u64(bytes.length);
    parts.push(bytes);
  };
  parts.push(Buffer.from('GGUF'));
  u32(3);
  u64(0);
  u64(metadata.size);
  for (const [key, value] of metadata) {
    string(key);
    if (typeof value === 'string') { u32(8); string(value); }
    else if (typeof value === 'boolean') { u32(7); number(1, 'writeUInt8', Number(value)); }
    else if (typeof value === 'number' && Number.isInteger(value)) { u32(4); u32(value); }
    else if (typeof value === 'number') { u32(6); number(4, 'writeFloatLE', value); }
    else {
      u32(9);
      u32(value instanceof Float32Array ? 6 : value instanceof Int32Array ? 5 : 8);
      u64(value.length);
      if (Array.isArray(value)) value.forEach(string);
      else parts.push(Buffer.from(value.buffer));
    }
  }
  return Buffer.concat(parts);
}

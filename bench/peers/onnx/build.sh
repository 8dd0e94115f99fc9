#!/usr/bin/env bash
# MODEL.gguf -> a 4-bit ONNX decoder for onnxruntime-web: MatMulNBits in blocks of 32 (rounded to nearest, as onnx-community
# quantises), GroupQueryAttention, f32 activations, keys and values in f32, logits of the last row only.
#
#   python3 -m venv venv && venv/bin/pip install -r requirements.txt
#   PYTHON=venv/bin/python ./build.sh MODEL.gguf [OUT]        OUT is bench/peers/onnx/model by default
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3} out=${2:-$here/model}
export HF_HUB_OFFLINE=1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$python" "$here/gguf-to-hf.py" "$1" "$scratch/hf"
"$python" -m onnxruntime_genai.models.builder -i "$scratch/hf" -o "$scratch/built" -p int4 -e webgpu -c "$scratch/cache" \
  --extra_options use_webgpu_fp32=true block_size=32 hf_token=false filename=built.onnx accuracy_level=4 prune_lm_head=true

mkdir -p "$out"
"$python" "$here/finish.py" "$scratch/built/built.onnx" "$out/model.onnx"
cp "$scratch"/hf/{tokenizer,tokenizer_config}.json "$out/"

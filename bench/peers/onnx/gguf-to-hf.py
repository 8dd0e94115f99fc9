"""GGUF -> a Hugging Face folder with the weights dequantised to f32, which onnxruntime-genai's builder reads.

python3 gguf-to-hf.py MODEL.gguf OUT
"""
import os
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

path, out = sys.argv[1:3]
folder, file = os.path.split(os.path.abspath(path))
tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file)
read = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32)

# transformers marks the model as quantised, which forbids to save it; so its weights, f32 already, go into a plain one.
config = read.config
if hasattr(config, "quantization_config"):
    del config.quantization_config
model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
model.load_state_dict(read.state_dict())
model.tie_weights()
model.eval().save_pretrained(out)
tokenizer.save_pretrained(out)

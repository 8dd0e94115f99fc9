"""Makes one file of a graph and its weights, as onnx-community ships small models, and writes beside it what shape its keys have.

python3 finish.py BUILT.onnx OUT.onnx
"""
import json
import pathlib
import sys

import onnx

built, out = sys.argv[1:3]
model = onnx.load(built)  # pulls the weights in
onnx.save(model, out)
keys = [each for each in model.graph.input if each.name.startswith('past_key_values.') and each.name.endswith('.key')]
heads, dims = (keys[0].type.tensor_type.shape.dim[axis].dim_value for axis in (1, 3))
pathlib.Path(out).with_name('shape.json').write_text(json.dumps({'layers': len(keys), 'kvHeads': heads, 'headDim': dims}))

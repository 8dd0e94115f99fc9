"""Makes one file of a graph and its weights, as onnx-community ships small models.

python3 finish.py BUILT.onnx OUT.onnx
"""
import sys

import onnx

built, out = sys.argv[1:3]
onnx.save(onnx.load(built), out)  # load pulls the weights in

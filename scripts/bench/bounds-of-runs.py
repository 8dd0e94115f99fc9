"""How many bounds an exact choice by bounds could leave out, if runs had common bounds that are looked at first (docs/decisions/kv-pages.md).

    python3 -m venv venv && venv/bin/pip install numpy gguf
    venv/bin/python scripts/bench/bounds-of-runs.py MODEL.gguf

Of a llama and the first document of test/fixtures/kv/probes.json: for runs of some slots, groups of some runs and a share of the runs that is chosen, the part of the
groups whose common bounds a query of one of the last 16 tokens may be given as much by as by the last run that is chosen, on average over layers and heads: those
an exact choice has to look into, even if that last run were known before.
"""
import json, os, sys
import numpy as np
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'fixtures'))
from tiny_model import FIXTURES, Model, attend, feed_forward, unturned

QUERIES = 16


def looked_into(query, keys, size, group, share):
    runs = len(keys) // size
    low, high = (keys.reshape(runs, size, -1).min(1), keys.reshape(runs, size, -1).max(1))
    common = (low.reshape(runs // group, group, -1).min(1), high.reshape(runs // group, group, -1).max(1))
    most = lambda low, high: np.maximum(query * low, query * high).sum(-1)
    last = np.sort(most(low, high))[-max(1, int(share * runs))]
    return (most(*common) >= last).mean()


model = Model(sys.argv[1])
model.weights = {name: weights.astype(np.float32) for name, weights in model.weights.items()}
with open(os.path.join(FIXTURES, 'kv', 'probes.json')) as file:
    tokens = json.load(file)['documents'][0]['prompt']
count = len(tokens) // 512 * 512  # whole groups of all sizes
x, positions = model.weights['token_embd.weight'][tokens[:count]], np.arange(count)
cases = [(size, group, share) for size in (16, 32) for group in (4, 8, 16) for share in (0.0625, 0.25)]
found = {case: [] for case in cases}
for i in range(model.layers):
    name = f'blk.{i}'
    q, keys, values = unturned(model, model.norm(x, f'{name}.attn_norm'), name)
    q, keys = model.turn(q, positions), model.turn(keys, positions)
    for case in cases:
        for head in range(model.heads):
            own = keys[head // (model.heads // model.kv_heads)]
            found[case] += [looked_into(q[head, row], own, *case) for row in range(count - QUERIES, count)]
    x = x + attend(model, q, {'keys': keys, 'values': values}, positions, name)
    x = x + feed_forward(model, model.norm(x, f'{name}.ffn_norm'), name)
for (size, group, share), parts in found.items():
    print(f'runs of {size}, groups of {group}, {share} chosen: {np.mean(parts):.3f} of the groups are looked into')

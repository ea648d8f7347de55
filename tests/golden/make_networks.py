#!/usr/bin/env python3
"""Prints what PyTorch makes of generated images, for the paper's networks: the goldens of src/worker/model/goldens.rs.

    make bench-setup && ~/.cache/fixmatch/python/bin/python make_networks.py > networks.json

The networks are those of docs/pytorch.md. Weights and images are made by the same arithmetic in both places, in f32
without rounding differences.
"""

import json
from pathlib import Path

import numpy as np
import torch

N_IMAGES = 2
CASES = [
    {"depth": 28, "width": 2, "side": 32, "classes": 10},
    {"depth": 28, "width": 8, "side": 32, "classes": 100},
    {"depth": 37, "width": 2, "side": 96, "classes": 10},
]


def page():
    text = (Path(__file__).parents[2] / "docs/pytorch.md").read_text()
    names = {}
    for block in text.split("```python\n")[1:3]:
        exec(block.split("```")[0], names)
    return names


def noise(stream, n):
    """n numbers in [-1, 1), of 24 bits each."""
    i = np.arange(n, dtype=np.uint64) + (np.uint64(stream) << np.uint64(32))
    with np.errstate(over="ignore"):
        for by in (0xBF58476D1CE4E5B9, 0x94D049BB133111EB):
            i = (i ^ (i >> np.uint64(30))) * np.uint64(by)
        i ^= i >> np.uint64(31)
    return (i >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1)


def weights(model):
    """Kernels that keep the size of what passes through, scales and variances around 1, the rest around 0."""
    state = {name: it for name, it in model.state_dict().items() if not name.endswith("num_batches_tracked")}
    for stream, (name, it) in enumerate(sorted(state.items())):
        values = noise(stream + 1, it.numel())
        if it.dim() > 1:
            values = values * np.float32((1.5 / (it.numel() // it.shape[0])) ** 0.5)
        elif name.endswith("running_var") or (".bn" in f".{name}" and name.endswith("weight")):
            values = np.float32(1) + np.float32(0.25) * values
        else:
            values = np.float32(0.125) * values
        yield name, torch.from_numpy(values).view(it.shape)


def logits(case):
    model = page()["Wrn"](classes=case["classes"], depth=case["depth"], width=case["width"]).eval()
    model.load_state_dict(dict(weights(model)), strict=False)
    shape = (N_IMAGES, 3, case["side"], case["side"])
    with torch.no_grad():
        return model(torch.from_numpy(noise(0, int(np.prod(shape)))).view(shape)).tolist()


if __name__ == "__main__":
    rows = [json.dumps(case | {"logits": [[round(x, 6) for x in row] for row in logits(case)]}) for case in CASES]
    print("[\n" + ",\n".join(rows) + "\n]")

#!/usr/bin/env python3
"""Prints what the hooks of semilearn (USB) accept on generated logits: the goldens of src/worker/policy/goldens.rs.

    make bench-setup && ~/.cache/fixmatch/python/bin/python make_policies.py > policies.json

Logits and places are made by the same arithmetic in both places, in f32 without rounding differences.
"""

import contextlib
import importlib.metadata
import importlib.util
import json
import sys
import types
from pathlib import Path

import numpy as np
import torch

N_IMAGES, BATCH, STEPS, KEPT = 203, 16, 560, 35
SCALES = [0.0, 0.5, 2.0, 5.0, 12.0, 60.0]
THRESHOLD, MARGIN = 0.95, 1e-6


def logits(n_classes, step):
    """(BATCH, C) f32: noise of a scale that grows, a class that is favoured in turn, one that is rarely seen."""
    i = np.arange(BATCH * n_classes, dtype=np.uint64) + np.uint64(step * BATCH * n_classes)
    with np.errstate(over="ignore"):
        for by in (0xBF58476D1CE4E5B9, 0x94D049BB133111EB):
            i = (i ^ (i >> np.uint64(30))) * np.uint64(by)
        i ^= i >> np.uint64(31)
    noise = (i >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1)
    rows = noise.reshape(BATCH, n_classes) * np.float32(SCALES[step * len(SCALES) // STEPS])
    rows[:, step // 40 % n_classes] += np.float32(2)
    if step < STEPS // 2:
        rows[:, n_classes - 1] -= np.float32(20)
    return torch.from_numpy(rows)


def places(step):
    return torch.tensor([(step * BATCH + i) * 7 % N_IMAGES for i in range(BATCH)])


def without_its_trainer():
    """semilearn's hooks and losses need nothing of its data sets and trainers, which need much more."""
    root = Path(importlib.util.find_spec("semilearn").submodule_search_locations[0]).parent
    names = ["", ".algorithms", ".algorithms.flexmatch", ".algorithms.freematch", ".algorithms.softmatch"]
    for name in names + [".core", ".core.hooks", ".core.utils"]:
        module = types.ModuleType(f"semilearn{name}")
        module.__path__ = [str(root / f"semilearn{name}".replace(".", "/"))]
        sys.modules[module.__name__] = module
    sys.modules["semilearn.core"].AlgorithmBase = object
    sys.modules["semilearn.core.utils"].ALGORITHMS = types.SimpleNamespace(register=lambda _: lambda it: it)
    sys.modules["semilearn.core.hooks"].Hook = importlib.import_module("semilearn.core.hooks.hook").Hook
    utils = types.ModuleType("semilearn.algorithms.utils")
    utils.concat_all_gather = utils.SSL_Argument = utils.str2bool = utils.smooth_targets = None
    sys.modules["semilearn.algorithms.utils"] = utils


def packed(rows):
    return [int("".join("1" if it else "0" for it in row), 2) for row in rows]


def run(case, n_classes):
    from semilearn.algorithms.flexmatch.utils import FlexMatchThresholdingHook
    from semilearn.algorithms.freematch.freematch import entropy_loss
    from semilearn.algorithms.freematch.utils import FreeMatchThresholdingHook
    from semilearn.algorithms.hooks.dist_align import DistAlignEMAHook
    from semilearn.algorithms.softmatch.utils import SoftMatchWeightingHook

    config = dict(case)
    policy, align = config["policy"], config.get("align", "none")
    algorithm = types.SimpleNamespace(
        p_cutoff=THRESHOLD, distributed=False, use_quantile="quantile" in config, clip_thresh="ceiling" in config
    )
    hook = {
        "flexmatch": lambda: FlexMatchThresholdingHook(N_IMAGES, n_classes, thresh_warmup=config.get("warmup", True)),
        "freematch": lambda: FreeMatchThresholdingHook(n_classes),
        "softmatch": lambda: SoftMatchWeightingHook(n_classes),
    }[policy]()
    hook.compute_prob = lambda logits: torch.softmax(logits, dim=-1)
    aligner = DistAlignEMAHook(n_classes) if align == "uniform" else None
    masks, near, weights, states, fairness = [], [], [], [], []
    for step in range(STEPS):
        said = logits(n_classes, step)
        p = torch.softmax(said, dim=-1)
        judged = aligner.dist_align(algorithm, p) if aligner else p
        confidence, classes = judged.max(dim=-1)
        if policy == "flexmatch":
            learned = hook.classwise_acc.clone()
            bars = THRESHOLD * (learned[classes] / (2.0 - learned[classes]))
        mask = hook.masking(algorithm, logits_x_ulb=judged, softmax_x_ulb=False, idx_ulb=places(step))
        if policy == "freematch":
            bars = hook.time_p * (hook.p_model / hook.p_model.max())[classes]
            strong = logits(n_classes, (step + 1) % STEPS)
            fairness.append(float(entropy_loss(mask, strong, hook.p_model, hook.label_hist)[0]) if mask.any() else 0.0)
        if policy == "softmatch":
            if step % KEPT == 0:
                weights.append([float(f"{it:.8g}") for it in mask.tolist()])
        else:
            masks.append(mask.bool().tolist())
            near.append(((confidence - bars).abs() < MARGIN).tolist())
        if step % KEPT == KEPT - 1:
            state = {
                "flexmatch": lambda: hook.classwise_acc.tolist(),
                "freematch": lambda: [float(hook.time_p)] + hook.p_model.tolist() + hook.label_hist.tolist(),
                "softmatch": lambda: [float(hook.prob_max_mu_t), float(hook.prob_max_var_t)],
            }[policy]()
            states.append([float(f"{it:.8g}") for it in state])
    fairness = [float(f"{it:.8g}") for it in fairness[::KEPT]]
    told = {"config": {"variant": "usb", **case}, "n_classes": n_classes, "states": states, "masks": packed(masks)}
    return {**told, "near": packed(near), "weights": weights, "fairness": fairness}


CASES = [
    {"policy": "flexmatch"},
    {"policy": "flexmatch", "warmup": False},
    {"policy": "freematch"},
    {"policy": "freematch", "quantile": 0.8, "ceiling": 0.95},
    {"policy": "softmatch"},
    {"policy": "softmatch", "align": "uniform"},
]

if __name__ == "__main__":
    without_its_trainer()
    with contextlib.redirect_stdout(sys.stderr):  # a hook prints
        cases = [run(case, n_classes) for n_classes in (2, 10, 100) for case in CASES]
    versions = f'"semilearn":"{importlib.metadata.version("semilearn")}","torch":"{torch.__version__}"'
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    print(f'{{{versions},"cases":[\n{lines}\n]}}')

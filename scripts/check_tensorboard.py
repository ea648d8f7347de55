"""Reads an export with TensorBoard's own package and compares it with the JSON lines of the same run.

    pip install tensorboard
    fixmatch export RUN --tensorboard DIR --jsonl RUN.jsonl
    python3 scripts/check_tensorboard.py DIR/RUN RUN.jsonl
"""

import json
import sys

import numpy
from tensorboard.backend.event_processing.event_accumulator import TENSORS, EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

folder, lines = sys.argv[1:]
events = EventAccumulator(folder, size_guidance={TENSORS: 0})
events.Reload()
expected = {}
for row in map(json.loads, open(lines, encoding="utf-8")):
    for tag in row.keys() - {"step", "time_s"}:
        expected.setdefault(tag, []).append((row["step"], numpy.float32(row[tag])))
tags = events.Tags()
found = {tag: [(it.step, numpy.float32(it.value)) for it in events.Scalars(tag)] for tag in tags["scalars"]}
for tag in tags["tensors"]:
    if tag != "configuration/text_summary":
        found[tag] = [(it.step, make_ndarray(it.tensor_proto).item()) for it in events.Tensors(tag)]
text = make_ndarray(events.Tensors("configuration/text_summary")[0].tensor_proto).item().decode()
assert text.startswith("```toml\n"), text
assert found.keys() == expected.keys(), (found.keys() ^ expected.keys())
for tag, points in expected.items():
    assert found[tag] == points, (tag, found[tag][:3], points[:3])
print(f"{len(found)} tags, {sum(map(len, found.values()))} points: the same")

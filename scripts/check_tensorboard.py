"""Reads an export with TensorBoard's own package and compares it with the JSON lines of the same run.

    make bench-setup    # or: pip install tensorboard pillow
    fixmatch export RUN --tensorboard DIR --jsonl RUN.jsonl
    python3 scripts/check_tensorboard.py DIR/RUN RUN.jsonl
"""

import io
import json
import sys

import numpy
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import IMAGES, TENSORS, EventAccumulator
from tensorboard.plugins.hparams import metadata
from tensorboard.util.tensor_util import make_ndarray

folder, lines = sys.argv[1:]
events = EventAccumulator(folder, size_guidance={TENSORS: 0, IMAGES: 0})
events.Reload()
rows = [json.loads(line) for line in open(lines, encoding="utf-8")]
expected = {}
for row in rows:
    for tag in row.keys() - {"step", "time_s"}:
        expected.setdefault(tag, []).append((row["step"], numpy.float32(row[tag])))
tags = events.Tags()
found = {tag: [(it.step, numpy.float32(it.value)) for it in events.Scalars(tag)] for tag in tags["scalars"]}
others = {"configuration/text_summary", metadata.SESSION_START_INFO_TAG, metadata.SESSION_END_INFO_TAG}
for tag in tags["tensors"]:
    if tag not in others:
        found[tag] = [(it.step, make_ndarray(it.tensor_proto).item()) for it in events.Tensors(tag)]
text = make_ndarray(events.Tensors("configuration/text_summary")[0].tensor_proto).item().decode()
assert text.startswith("```toml\n"), text
assert found.keys() == expected.keys(), (found.keys() ^ expected.keys())
for tag, points in expected.items():
    assert found[tag] == points, (tag, found[tag][:3], points[:3])

session = events.SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
hparams = metadata.parse_session_start_info_plugin_data(session).hparams
assert hparams["train.lr"].number_value > 0 and hparams["data.dataset"].string_value, hparams

n_images = 0
for tag in tags["images"]:
    assert tag in ("labeled_images", "confusion"), tag
    for it in events.Images(tag):
        picture = Image.open(io.BytesIO(it.encoded_image_string))
        picture.load()
        assert picture.size == (it.width, it.height) and picture.mode == "RGB", (tag, picture)
        n_images += 1
drawn = [it.step for it in events.Images("confusion")] if "confusion" in tags["images"] else []
evaluated = [row["step"] for row in rows if "test/accuracy" in row]
assert drawn == evaluated, (drawn, evaluated)
print(f"{len(found)} tags, {sum(map(len, found.values()))} points, {len(hparams)} hyperparameters, {n_images} images: the same")

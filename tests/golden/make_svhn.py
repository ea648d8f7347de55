#!/usr/bin/env python3
"""Writes small files in the format of SVHN's, by SciPy: the goldens of tests/data_load.rs and src/data/svhn.rs.

    pip install scipy && python make_svhn.py

`train` and `extra` are compressed as the published ones are, `test` is not. Labels come as bytes and as doubles. Other
variables stand before, between and behind, as MATLAB users leave them.
"""

from pathlib import Path

import numpy as np
from scipy.io import savemat

FOLDER = Path(__file__).parent / "svhn"


def images(first, n):
    row, column, channel, image = np.ogrid[:32, :32, :3, first : first + n]
    return ((5 * row + 3 * column + 70 * channel + 40 * image) % 256).astype(np.uint8)


def write(name, variables, compressed):
    path = FOLDER / f"{name}_32x32.mat"
    savemat(path, variables, do_compression=compressed)
    content = path.read_bytes()
    path.write_bytes(b"MATLAB 5.0 MAT-file, by SciPy".ljust(116) + content[116:])  # without the time


FOLDER.mkdir(exist_ok=True)
labels = np.array([[10], [1], [7]], np.uint8)
others = {"note": "cropped digits", "info": {"a": 1.5, "b": [1, 2]}}
write("train", others | {"X": images(0, 3), "Z": np.array([1 + 2j]), "y": labels}, True)
write("extra", {"X": images(3, 2), "y": np.array([[2.0], [10.0]])} | others, True)
write("test", {"y": labels[:2].astype(np.int16)} | others | {"X": images(5, 2)}, False)

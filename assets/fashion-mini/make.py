#!/usr/bin/env python3
"""Makes the embedded quickstart set out of the four official Fashion-MNIST files.

    make.py FOLDER      FOLDER holds {train,t10k}-{images-idx3,labels-idx1}-ubyte.gz

The set is the first 1,000 training images and the first 200 test images of each class, in the official order.
Running it again gives the same IDX bytes; the gzip bytes may differ with the version of zlib.
"""
import gzip, pathlib, struct, sys

HERE = pathlib.Path(__file__).parent
N_CLASSES = 10


def first_of_each_class(labels, n):
    """The indices, ascending, of the first n images of every class."""
    taken = [0] * N_CLASSES
    for index, label in enumerate(labels):
        if taken[label] < n:
            taken[label] += 1
            yield index


def write(name, content):
    (HERE / name).write_bytes(gzip.compress(content, 9, mtime=0))


def make(source, prefix, split, n):
    images = gzip.decompress((source / f"{prefix}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((source / f"{prefix}-labels-idx1-ubyte.gz").read_bytes())[8:]
    _, _, rows, columns = struct.unpack(">4I", images[:16])
    size = rows * columns
    chosen = list(first_of_each_class(labels, n))
    pixels = b"".join(images[16 + i * size : 16 + (i + 1) * size] for i in chosen)
    write(f"{split}-images.idx.gz", struct.pack(">4I", 0x803, len(chosen), rows, columns) + pixels)
    write(f"{split}-labels.idx.gz", struct.pack(">2I", 0x801, len(chosen)) + bytes(labels[i] for i in chosen))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    make(pathlib.Path(sys.argv[1]), "train", "train", 1000)
    make(pathlib.Path(sys.argv[1]), "t10k", "test", 200)

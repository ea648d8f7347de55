"""A plain Pillow loop over drawn strong views: what `benches/pillow.rs` compares with, which runs it.

    python pillow_loop.py IMAGES DRAWS

IMAGES holds 32×32 RGB images, byte after byte. A line of DRAWS is a view: the image's number, 1 where it is mirrored, the
shift's columns and rows, then its operations. Prints the views per second and the CRC-32 of all their pixels. Reading
files and parsing are not timed.
"""

import pathlib
import sys
import time
import zlib

import numpy
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests" / "golden"))
from make_augment import OPERATIONS  # noqa: E402

SIDE = 32
PLACES = numpy.arange(SIDE)
PADDING = SIDE // 8
# The pixels of a side that is continued by reflection, its edges not repeated.
REFLECTED = numpy.pad(PLACES, PADDING, mode="reflect")


def parse_operation(text):
    name, _, value = text.partition("=")
    operation = OPERATIONS[name.title().replace("_", "")]
    if name == "cutout":
        side, centre = value.split("@")
        return operation, f"{round(float(side) * SIDE)}/{centre.replace(',', '/')}"
    if name == "rescale":
        return operation, value.replace(",", "/")
    if name == "posterize":
        return operation, int(value)
    return operation, float(value) if value else None


def parse(line):
    number, flip, dx, dy, *operations = line.split()
    rows, columns = (REFLECTED[PADDING + int(d) :][:SIDE] for d in (dy, dx))
    return int(number), flip == "1", rows[:, None], columns, [parse_operation(text) for text in operations]


def view(pixels, flip, rows, columns, operations):
    if flip:
        pixels = pixels[:, ::-1]
    image = Image.fromarray(pixels[rows, columns])
    for operation, value in operations:
        image = operation(image, value)
    return image.tobytes()


def main():
    images = numpy.fromfile(sys.argv[1], numpy.uint8).reshape(-1, SIDE, SIDE, 3)
    draws = [parse(line) for line in pathlib.Path(sys.argv[2]).read_text().splitlines()]
    begun = time.perf_counter()
    views = [view(images[number], *draw) for number, *draw in draws]
    seconds = time.perf_counter() - begun
    print(len(views) / seconds, zlib.crc32(b"".join(views)))


main()

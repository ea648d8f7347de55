"""Prints what Pillow makes of generated images: the goldens of `tests/augment.rs`.

    python make_augment.py > augment.txt
    python make_augment.py --random 50000 > /tmp/many.txt   # any number of random cases, for a large comparison
    python make_augment.py --random 50000 Rescale Blur ...  # of these operations

A line is `operation width height channels pattern seed`, then for each parameter its output: `parameter:crc32`,
or `parameter=pixels` in hexadecimal for images of at most 9 bytes.
"""

import random
import sys
import zlib

import PIL
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

PATTERNS = ["noise", "dark", "slope", "flat"]


def value(pattern, seed, x, y, c, i):
    """One byte of an input image; `pattern_value` in tests/augment.rs is the same."""
    if pattern == "slope":
        return 40 + (3 * x + 2 * y + 29 * c + seed) % 150
    if pattern == "flat":
        return (53 * seed + 70 * c) % 256
    h = (i * 2654435761 + seed * 40503) % 2**32
    h = ((h ^ (h >> 15)) * 2246822519) % 2**32
    noise = h >> 24
    return noise * noise // 255 if pattern == "dark" else noise


def make_image(width, height, channels, pattern, seed):
    pixels = bytes(
        value(pattern, seed, x, y, c, (y * width + x) * channels + c)
        for y in range(height)
        for x in range(width)
        for c in range(channels)
    )
    return Image.frombytes("RGB" if channels == 3 else "L", (width, height), pixels)


def affine(image, *matrix):
    return image.transform(image.size, Image.Transform.AFFINE, matrix)


def cutout(image, parameter):
    side, x, y = map(int, parameter.split("/"))
    image = image.copy()
    left, top = x - side // 2, y - side // 2
    image.paste((127, 127, 127) if image.mode == "RGB" else 127, (left, top, left + side, top + side))
    return image


def rescale(image, parameter):
    side, name = parameter.split("/")
    margin = (1 - float(side)) / 2
    (w, h), end = image.size, 1 - margin
    crop = image.crop((margin * w, margin * h, w * end, h * end))
    return crop.resize(image.size, Image.Resampling[name.upper()])


def faded(operation):
    return lambda image, p: operation(image) if p == 1 else Image.blend(image, operation(image), p)


OPERATIONS = {
    "Autocontrast": faded(ImageOps.autocontrast),
    "Blur": faded(lambda image: image.filter(ImageFilter.BLUR)),
    "Brightness": lambda image, p: ImageEnhance.Brightness(image).enhance(p),
    "Color": lambda image, p: ImageEnhance.Color(image).enhance(p),
    "Contrast": lambda image, p: ImageEnhance.Contrast(image).enhance(p),
    "Cutout": cutout,
    "Equalize": faded(ImageOps.equalize),
    "Identity": lambda image, _: image,
    "Invert": faded(ImageOps.invert),
    "Posterize": lambda image, p: ImageOps.posterize(image, p),
    "Rescale": rescale,
    "Rotate": lambda image, p: image.rotate(p),
    "Sharpness": lambda image, p: ImageEnhance.Sharpness(image).enhance(p),
    "ShearX": lambda image, p: affine(image, 1, p, 0, 0, 1, 0),
    "ShearY": lambda image, p: affine(image, 1, 0, 0, p, 1, 0),
    "Smooth": lambda image, p: Image.blend(image.filter(ImageFilter.SMOOTH), image, p),
    "Solarize": lambda image, p: ImageOps.solarize(image, int(p * 255.999)),
    "TranslateX": lambda image, p: affine(image, 1, 0, p * image.width, 0, 1, 0),
    "TranslateY": lambda image, p: affine(image, 1, 0, 0, 0, 1, p * image.height),
}
FILTERS = ["lanczos", "bicubic", "bilinear", "box", "hamming", "nearest"]


def outcome(operation, image, parameter):
    output = OPERATIONS[operation](image, parameter).tobytes()
    assert len(output) == len(image.tobytes())
    crc = f":{zlib.crc32(output):08x}"
    return f"{parameter}={output.hex()}" if len(output) <= 9 else f"{parameter}{crc}"


def line(operation, shape, pattern, seed, parameters):
    image = make_image(*shape, pattern, seed)
    outcomes = [outcome(operation, image, parameter) for parameter in parameters]
    return " ".join([operation, *map(str, shape), pattern, str(seed), *outcomes])


# Sizes of the datasets, odd ones, and one pixel in one or both directions. The small ones are kept whole.
SHAPES = [(32, 32, 3), (28, 28, 1), (33, 17, 3), (3, 3, 1), (1, 7, 1), (4, 1, 3), (2, 2, 3), (1, 1, 3), (1, 1, 1)]
SHAPES += [(96, 96, 3)]

ENHANCE = [0.0, 0.05, 0.7315, 0.95, 1.0, 1.9]
SHARE = [0.0, 0.3, 0.7315, 1.0]
PARAMETERS = {
    "Autocontrast": SHARE,
    "Blur": SHARE,
    "Brightness": ENHANCE,
    "Color": ENHANCE,
    "Contrast": ENHANCE,
    "Cutout": ["0/0/0", "1/0/0", "3/2/1", "16/31/0", "14/13/16", "80/0/0"],
    "Equalize": SHARE,
    "Identity": ["-"],
    "Invert": SHARE,
    "Posterize": [1, 4, 5, 8],
    "Rescale": [f"{side}/{name}" for side in (0.5, 0.77) for name in FILTERS] + ["1.0/lanczos", "1.0/nearest"],
    "Rotate": [-45.0, -30.0, -17.3, -1e-16, 0.0, 0.25, 29.99, 45.0, 90.0, 180.0],
    "Sharpness": ENHANCE,
    "ShearX": [-0.3, -0.1234, 0.0, 1e-7, 0.3],
    "ShearY": [-0.3, -0.1234, 0.0, 1e-7, 0.3],
    "Smooth": SHARE,
    "Solarize": [0.0, 0.3, 0.5, 0.999, 1.0],
    # 4.499999 / 32 is where the two ways of stepping coordinates part.
    "TranslateX": [-0.3, -1 / 64, 0.0, 4.499999 / 32, 0.3, 1.5],
    "TranslateY": [-0.3, -1 / 64, 0.0, 4.499999 / 32, 0.3, 1.5],
}
# These look at all values, so the kind of image matters.
BY_HISTOGRAM = ["Autocontrast", "Equalize"]


def chosen_cases():
    for operation, parameters in PARAMETERS.items():
        for number, shape in enumerate(SHAPES):
            yield operation, shape, PATTERNS[number % 3], number, parameters
        if operation in BY_HISTOGRAM:
            for pattern in PATTERNS:
                yield operation, (19, 23, 3), pattern, 3, parameters
        yield operation, (8, 8, 3), "flat", 1, parameters[:3]


def random_parameter(operation, width, height):
    if operation == "Identity":
        return "-"
    if operation in ("Autocontrast", "Blur", "Equalize", "Invert", "Smooth"):
        return random.choice([random.random(), random.random(), random.randint(0, 20) / 20, 1.0])
    if operation == "Rescale":
        side = random.choice([random.uniform(0.5, 1), random.randint(50, 100) / 100, random.randint(8, 16) / 16])
        return f"{side}/{random.choice(FILTERS)}"
    if operation == "Posterize":
        return random.randint(1, 8)
    if operation == "Rotate":
        return random.choice([random.uniform(-45, 45), float(random.randint(-45, 45)), random.uniform(-360, 360)])
    if operation.startswith("Shear"):
        return random.choice([random.uniform(-0.3, 0.3), random.uniform(-1, 1), random.randint(-8, 8) / 16])
    if operation.startswith("Translate"):
        side = width if operation.endswith("X") else height
        edge = (random.randint(-side, side) + random.choice([0.0, 0.5, -0.5])) / side
        return random.choice([random.uniform(-0.3, 0.3), random.uniform(-1, 1), edge, edge + 1e-9, edge - 1e-9])
    if operation == "Cutout":
        return "/".join(str(random.randint(*ends)) for ends in [(0, 2 * width), (0, width - 1), (0, height - 1)])
    return random.choice([random.random(), random.random(), random.randint(0, 20) / 20, random.uniform(-1, 3)])


def random_cases(count, operations):
    random.seed(count)
    for number in range(count):
        limit = 512 if number % 100 == 0 else random.choice([4, 40, 40, 100])
        shape = random.randint(1, limit), random.randint(1, limit), random.choice([1, 3])
        operation = random.choice(operations)
        parameter = random_parameter(operation, *shape[:2])
        if operation == "Solarize":
            parameter = min(max(parameter, 0.0), 1.0)
        yield operation, shape, random.choice(PATTERNS), random.randint(0, 1000), [parameter]


def main():
    print(f"# Pillow {PIL.__version__}, by make_augment.py")
    many = len(sys.argv) >= 3 and sys.argv[1] == "--random"
    for case in random_cases(int(sys.argv[2]), sys.argv[3:] or list(OPERATIONS)) if many else chosen_cases():
        print(line(*case))


if __name__ == "__main__":
    main()

"""FixMatch in PyTorch as people write it: what `fixmatch-worker bench` is compared with (`benches/peer.rs` runs both).

    python peer.py                 Pillow transforms in DataLoader workers, one concatenated pass, an EMA module, .item()
    python peer.py --tuned         as a careful user would: allocator that keeps memory, channels_last, weak views without
                                   gradient in a pass of their own, fused updates, as many loader processes as cores;
                                   on a GPU cuDNN's benchmark mode and pinned memory
    python peer.py --bf16          autocast
    python peer.py --evaluate      passes of 500 images forward, as in an evaluation, instead of steps

The model is that of docs/pytorch.md, the policy RandAugment of the paper's table with Cutout, the data random images of
CIFAR-10's shape, or with --data the binary version of CIFAR-10. Prints one line of JSON: milliseconds of each step, of
which loading; the mean of them all, from the first to when a GPU has done the last; and the peak of resident memory, without the
loaders'. On a GPU --tuned waits for nothing in between.
"""

import argparse
import copy
import ctypes
import json
import math
import os
import pathlib
import random
import sys
import time


def keep_memory():
    """glibc keeps what is freed: M_MMAP_MAX, M_TRIM_THRESHOLD, M_ARENA_MAX."""
    libc = ctypes.CDLL(None)
    for option, value in [(-4, 0), (-1, -1), (-8, 1)]:
        libc.mallopt(option, value)


ARGS = argparse.ArgumentParser()
ARGS.add_argument("--model", choices=["cnn", "wrn", "wrn-28-8", "wrn-37-2"], default="cnn")
ARGS.add_argument("--tuned", action="store_true")
ARGS.add_argument("--bf16", action="store_true")
ARGS.add_argument("--evaluate", action="store_true")
ARGS.add_argument("--steps", type=int, default=10)
ARGS.add_argument("--warm-up", type=int, default=3)
ARGS.add_argument("--threshold", type=float, default=0.0, help="0 accepts every pseudo-label")
ARGS.add_argument("--lr", type=float, default=0.03)
ARGS.add_argument("--data", type=pathlib.Path, help="a folder with CIFAR-10's data_batch_1.bin …")
ARGS.add_argument("--per-class", type=int, default=25)
ARGS.add_argument("--loaders", type=int, help="processes; default: 4 as shipped, one a core tuned")
ARGS.add_argument("--device", default="cpu")
args = ARGS.parse_args()
if args.tuned:
    keep_memory()  # before the first thread

import numpy  # noqa: E402
import torch  # noqa: E402
from PIL import Image, ImageEnhance, ImageOps  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from torch.utils.data import DataLoader, Dataset, RandomSampler  # noqa: E402

B, MU, SIDE, CLASSES = 64, 7, 32, 10
DECAY, EMA_DECAY = 5e-4, 0.999

page = (pathlib.Path(__file__).parents[1] / "docs" / "pytorch.md").read_text()
for block in page.split("```python\n")[1:3]:  # the two models
    exec(block.split("```")[0])


def affine(image, *matrix):
    return image.transform(image.size, Image.Transform.AFFINE, matrix)


def enhanced(kind):
    return lambda image: kind(image).enhance(random.uniform(0.05, 0.95))


def share():
    return random.uniform(-0.3, 0.3)


OPERATIONS = [
    ImageOps.autocontrast,
    enhanced(ImageEnhance.Brightness),
    enhanced(ImageEnhance.Color),
    enhanced(ImageEnhance.Contrast),
    ImageOps.equalize,
    lambda image: image,
    lambda image: ImageOps.posterize(image, random.randint(4, 8)),
    lambda image: image.rotate(random.uniform(-30, 30)),
    enhanced(ImageEnhance.Sharpness),
    lambda image: affine(image, 1, share(), 0, 0, 1, 0),
    lambda image: affine(image, 1, 0, 0, share(), 1, 0),
    lambda image: ImageOps.solarize(image, int(random.random() * 255.999)),
    lambda image: affine(image, 1, 0, share() * SIDE, 0, 1, 0),
    lambda image: affine(image, 1, 0, 0, 0, 1, share() * SIDE),
]


def weak(image):
    if random.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    padding = SIDE // 8
    padded = Image.fromarray(numpy.pad(numpy.asarray(image), [(padding,) * 2, (padding,) * 2, (0, 0)], mode="reflect"))
    x, y = random.randint(0, 2 * padding), random.randint(0, 2 * padding)
    return padded.crop((x, y, x + SIDE, y + SIDE))


def strong(image):
    image = weak(image)
    for operation in random.choices(OPERATIONS, k=2):
        image = operation(image)
    x, y = random.randrange(SIDE) - SIDE // 4, random.randrange(SIDE) - SIDE // 4
    image = image.copy()
    image.paste((127, 127, 127), (x, y, x + SIDE // 2, y + SIDE // 2))
    return image


def to_tensor(image):
    pixels = torch.from_numpy(numpy.array(image)).permute(2, 0, 1).contiguous()
    return (pixels.float() / 255 - 0.5) / 0.5


class Views(Dataset):
    """Images by index, each in the given kinds of views, with their labels."""

    def __init__(self, images, labels, indices, kinds):
        self.images, self.labels, self.indices, self.kinds = images, labels, indices, kinds

    def __len__(self):
        return len(self.indices)

    def __getitem__(self, i):
        index = self.indices[i]
        image = Image.fromarray(self.images[index])
        return [to_tensor(kind(image)) for kind in self.kinds], self.labels[index]


def read_data():
    if args.data is None:
        rng = numpy.random.default_rng(0)
        images = rng.integers(0, 256, (2048, SIDE, SIDE, 3), numpy.uint8)
        return images, numpy.arange(len(images)) % CLASSES
    rows = [numpy.fromfile(args.data / f"data_batch_{n}.bin", numpy.uint8).reshape(-1, 3073) for n in range(1, 6)]
    rows = numpy.concatenate(rows)
    return numpy.ascontiguousarray(rows[:, 1:].reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)), rows[:, 0].astype(int)


def endless(loader):
    while True:
        yield from loader


def batches(images, labels):
    n_loaders = args.loaders if args.loaders is not None else (len(os.sched_getaffinity(0)) if args.tuned else 4)
    chosen = numpy.concatenate([numpy.flatnonzero(labels == c)[: args.per_class] for c in range(CLASSES)])

    pinned = args.tuned and args.device.startswith("cuda")

    def loader(indices, kinds, size):
        views = Views(images, labels, indices, kinds)
        n_samples = size * (args.steps + args.warm_up)
        sampler = RandomSampler(views, replacement=True, num_samples=n_samples)
        workers = n_loaders if len(kinds) > 1 else min(n_loaders, 1)
        return endless(DataLoader(views, size, sampler=sampler, num_workers=workers, drop_last=True, pin_memory=pinned))

    return loader(chosen, [weak], B), loader(numpy.arange(len(images)), [weak, strong], B * MU)


class Ema:
    """A copy of the model that follows it."""

    def __init__(self, model):
        self.model = copy.deepcopy(model).requires_grad_(False)

    @torch.no_grad()
    def update(self, model):
        theirs, ours = list(model.parameters()), list(self.model.parameters())
        if args.tuned:
            torch._foreach_lerp_(ours, theirs, 1 - EMA_DECAY)
        else:
            for average, weight in zip(ours, theirs):
                average.copy_(average * EMA_DECAY + (1 - EMA_DECAY) * weight)
        for average, buffer in zip(self.model.buffers(), model.buffers()):
            average.copy_(buffer)


def loss_of(model, labeled, targets, weak_views, strong_views):
    if args.tuned:
        with torch.no_grad():
            logits_weak = model(weak_views)
        logits = model(torch.cat([labeled, strong_views]).contiguous(memory_format=torch.channels_last))
        logits_labeled, logits_strong = logits.split([B, B * MU])
    else:
        logits = model(torch.cat([labeled, weak_views, strong_views]))
        logits_labeled, logits_weak, logits_strong = logits.split([B, B * MU, B * MU])
    supervised = F.cross_entropy(logits_labeled.float(), targets)
    confidence, pseudo_labels = logits_weak.detach().float().softmax(-1).max(-1)
    mask = confidence.ge(args.threshold).float()
    unsupervised = (F.cross_entropy(logits_strong.float(), pseudo_labels, reduction="none") * mask).mean()
    return supervised + unsupervised, supervised, unsupervised, mask.mean()


def network():
    if args.model == "cnn":
        return Cnn()  # noqa: F821
    depth, width = {"wrn": (28, 2), "wrn-28-8": (28, 8), "wrn-37-2": (37, 2)}[args.model]
    return Wrn(depth=depth, width=width)  # noqa: F821


@torch.inference_mode()
def evaluations(model, device):
    """Seconds of each pass of 500 images, from bytes to classes."""
    images, took = read_data()[0][:500], []
    layout = torch.channels_last if args.tuned else torch.contiguous_format
    for _ in range(args.steps + args.warm_up):
        begun = time.perf_counter()
        pixels = torch.from_numpy(images).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.autocast(device.type, torch.bfloat16, enabled=args.bf16):
            model(pixels.contiguous(memory_format=layout)).argmax(-1).tolist()
        took.append(time.perf_counter() - begun)
    return took


def report(took, waited=(), whole=0.0):
    status = pathlib.Path("/proc/self/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) // 1024
    ms = [[1000 * s for s in seconds[args.warm_up :]] for seconds in (took, waited)]
    flowing = 1000 * whole / args.steps
    print(json.dumps({"step_ms": ms[0], "wait_ms": ms[1], "flowing_ms": flowing, "peak_mib": peak}))
    sys.stdout.flush()


def main():
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.backends.cudnn.benchmark = args.tuned
    torch.manual_seed(0)
    random.seed(0)
    device = torch.device(args.device)
    model = network().to(device)
    if args.tuned:
        model = model.to(memory_format=torch.channels_last)
    if args.evaluate:
        report(evaluations(model.eval(), device))
        return
    ema = Ema(model)
    kernels = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": kernels, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=args.lr, momentum=0.9, nesterov=True, foreach=args.tuned)
    total = 2**20
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: math.cos(7 * math.pi * step / (16 * total)))
    labeled_batches, unlabeled_batches = batches(*read_data())
    layout = torch.channels_last if args.tuned else torch.contiguous_format
    model.train()
    took, waited, sums = [], [], [0.0] * 4
    for step in range(args.steps + args.warm_up):
        if device.type == "cuda" and (step == args.warm_up or not args.tuned):
            torch.cuda.synchronize(device)
        begun = time.perf_counter()
        if step == args.warm_up:
            first = begun
        [labeled], targets = next(labeled_batches)
        [weak_views, strong_views], _ = next(unlabeled_batches)
        waited.append(time.perf_counter() - begun)
        labeled, weak_views, strong_views = (
            views.to(device, memory_format=layout, non_blocking=args.tuned) for views in (labeled, weak_views, strong_views)
        )
        targets = targets.to(device, non_blocking=args.tuned)
        with torch.autocast(device.type, torch.bfloat16, enabled=args.bf16):
            parts = loss_of(model, labeled, targets, weak_views, strong_views)
        optimizer.zero_grad()
        parts[0].backward()
        optimizer.step()
        schedule.step()
        ema.update(model)
        if not args.tuned:
            sums = [total + part.item() for total, part in zip(sums, parts)]
        took.append(time.perf_counter() - begun)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    report(took, waited, time.perf_counter() - first)


if __name__ == "__main__":
    main()

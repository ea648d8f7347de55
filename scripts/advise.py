#!/usr/bin/env python3
"""Are labels that `fixmatch labels advise` chooses worth more than random ones?

    scripts/advise.py IMAGES [--pairs 12] [--steps 1500] [--fixmatch PATH]

IMAGES is a folder with train/CLASS and test/CLASS, such as CIFAR-10's JPEG files. For each label set: 40 random labels
(4 a class) train the small network; then the same network trains anew on these and 10 advised images, and on these and 10
random ones. Fixed beforehand: the criterion is the mean over the pairs of the difference in the last test accuracy of the
averaged weights, and its two-sided p-value by a paired t-test. What is done already is not done again.
"""

import argparse
import json
import math
import random
import subprocess
import sys


def fixmatch(args, *words):
    said = subprocess.run([args.fixmatch, *words], stdout=subprocess.PIPE, text=True, check=True)
    return said.stdout


def train(args, name, *settings):
    """The last accuracy of a run of this name, which is trained unless it has finished."""
    def finished():
        runs = json.loads(fixmatch(args, "runs", "--json"))
        return [run for run in runs if run["id"].endswith("-" + name) and run["status"] == "finished"]

    if not finished():
        every = max(args.steps // 10, 1)
        common = [
            "data.dataset=folder", f"data.path={args.images}", "model.name=cnn", f"train.steps={args.steps}",
            f"eval.every={every}", "train.batch=32", "train.mu=3", "insight.panel=256", "optim.ema_decay=0.99",
            *settings,
        ]
        words = [word for setting in common for word in ("--set", setting)]
        fixmatch(args, "train", "quickstart", "--name", name, *words)
    run = finished()[0]
    return run["id"], run["ema_accuracy"]


def p_of_t(t, freedom):
    """Two-sided, by Simpson's rule over the density of Student's distribution."""
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    density = lambda x: scale * (1 + x * x / freedom) ** (-(freedom + 1) / 2)
    n, end = 2000, abs(t)
    step = end / n
    inside = sum((4 if i % 2 else 2) * density(i * step) for i in range(1, n)) + density(0) + density(end)
    return max(0.0, 1 - 2 * inside * step / 3)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images")
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--fixmatch", default="fixmatch")
    args = parser.parse_args()
    gains = []
    for seed in range(args.pairs):
        first, start = train(args, f"advise-{seed}", "labels.per_class=4", f"labels.seed={seed}", f"train.seed={seed}")
        labels = json.loads(fixmatch(args, "labels", "show", first, "--json"))
        labeled = [image["index"] for image in labels["images"]]
        advice = json.loads(fixmatch(args, "labels", "advise", first, "--budget", "10", "--json"))
        advised = [image["index"] for image in advice["images"]]
        others = [index for index in range(labels["n_train"]) if index not in labeled]
        by_chance = random.Random(seed).sample(others, len(advised))
        accuracies = []
        for kind, more in (("advised", advised), ("random", by_chance)):
            indices = f"labels.indices={labeled + more}"
            accuracies.append(train(args, f"advise-{seed}-{kind}", indices, f"train.seed={seed}")[1])
        gains.append(accuracies[0] - accuracies[1])
        print(f"{seed}: 40 labels {start:.4f}, +10 advised {accuracies[0]:.4f}, +10 random {accuracies[1]:.4f}", flush=True)
    n = len(gains)
    mean = sum(gains) / n
    if n < 2:
        sys.exit("one pair says nothing: ask for more")
    error = math.sqrt(sum((gain - mean) ** 2 for gain in gains) / (n - 1) / n)
    p = p_of_t(mean / error, n - 1) if error > 0 else float("nan")
    print(f"advised over random: {100 * mean:+.2f} points (standard error {100 * error:.2f}), {n} pairs, p = {p:.3f}")


if __name__ == "__main__":
    main()

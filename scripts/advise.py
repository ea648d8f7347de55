#!/usr/bin/env python3
"""Are labels that `fixmatch labels advise` chooses worth more than random ones?

    scripts/advise.py IMAGES [--pairs 12] [--steps 1500] [--at-once 2] [--fixmatch PATH]

IMAGES is a folder with train/CLASS and test/CLASS, such as CIFAR-10's JPEG files. For each label set: 40 random labels
(4 a class) train the small network; then the same network trains anew on these and 10 more, chosen in four ways:

    random      drawn from all images that are not labeled
    advised     by `fixmatch labels advise`
    unsure      of the same followed images those of which the averaged network is least sure
    typical     by `fixmatch labels suggest`: the most typical images of the clusters without labels

Fixed beforehand: the criterion is the mean over the label sets of the difference to random in the last test accuracy of
the averaged weights, and its two-sided p-value by a paired t-test. `advised` is the question; the others are two more
rules. All runs have one thread of libtorch. What is done already is not done again.
"""

import argparse
import json
import math
import random
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

RULES = ["random", "advised", "unsure", "typical"]
N_MORE = 10


def fixmatch(args, *words):
    said = subprocess.run([args.fixmatch, *words], stdout=subprocess.PIPE, text=True, check=True)
    return said.stdout


def answer(args, *words):
    return json.loads(fixmatch(args, *words, "--json"))


def train(args, name, seed, evaluations, *settings):
    """The run of this name, which is trained unless it has finished."""
    def finished():
        runs = answer(args, "runs")
        return [run for run in runs if run["id"].endswith(f"-{name}-s{seed}") and run["status"] == "finished"]

    if not finished():
        common = [
            "data.dataset=folder", f"data.path={args.images}", "model.name=cnn", f"train.steps={args.steps}",
            f"eval.every={max(args.steps // evaluations, 1)}", f"train.seed={seed}", "train.batch=32", "train.mu=3",
            "train.lr=0.03", "insight.panel=256", "optim.ema_decay=0.99", "machine.threads=1", *settings,
        ]
        words = [word for setting in common for word in ("--set", setting)]
        subprocess.run(
            [args.fixmatch, "train", "quickstart", "--name", name, *words],
            check=True, stdout=subprocess.DEVNULL,
        )
    return finished()[0]


def first(args, seed):
    """The run on 40 random labels, and which these are."""
    run = train(args, f"advise-{seed}", seed, 10, "labels.per_class=4", f"labels.seed={seed}")
    return run, answer(args, "labels", "show", run["id"])


def more(args, seed, rule):
    """The images that a rule adds."""
    run, labels = first(args, seed)
    labeled = [image["index"] for image in labels["images"]]
    if rule == "random":
        others = sorted(set(range(labels["n_train"])) - set(labeled))
        return labeled, random.Random(seed).sample(others, N_MORE)
    if rule == "typical":
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
            file.write("path,label\n")
            file.writelines(f"{image['path']},{image['class_name']}\n" for image in labels["images"])
            file.flush()
            options = ["--labels", file.name, "--clusters", str(len(labeled) + N_MORE), "--budget", str(N_MORE)]
            said = answer(args, "labels", "suggest", args.images, *options)
        return labeled, [image["index"] for image in said["images"]]
    budget = N_MORE if rule == "advised" else 100_000
    advice = answer(args, "labels", "advise", run["id"], "--budget", str(budget))["images"]
    if rule == "unsure":
        advice.sort(key=lambda image: image["confidence"])
    return labeled, [image["index"] for image in advice[:N_MORE]]


def second(args, seed, rule):
    """The last accuracy with the images that a rule adds."""
    labeled, added = more(args, seed, rule)
    run = train(args, f"advise-{seed}-{rule}", seed, 1, f"labels.indices={labeled + added}")
    print(f"{seed} {rule}: {run['ema_accuracy']:.4f}", flush=True)
    return run["ema_accuracy"]


def p_of_t(t, freedom):
    """Two-sided, by Simpson's rule over the density of Student's distribution."""
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    density = lambda x: scale * (1 + x * x / freedom) ** (-(freedom + 1) / 2)
    n, end = 2000, abs(t)
    step = end / n
    inside = sum((4 if i % 2 else 2) * density(i * step) for i in range(1, n)) + density(0) + density(end)
    return max(0.0, 1 - 2 * inside * step / 3)


def spread(numbers):
    """Their mean and standard deviation."""
    mean = sum(numbers) / len(numbers)
    return mean, math.sqrt(sum((x - mean) ** 2 for x in numbers) / (len(numbers) - 1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images")
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--fixmatch", default="fixmatch")
    args = parser.parse_args()
    if args.pairs < 2:
        sys.exit("one pair says nothing: ask for more")
    seeds = range(args.pairs)
    with ThreadPoolExecutor(args.at_once) as workers:
        start = [run["ema_accuracy"] for run, _ in workers.map(lambda seed: first(args, seed), seeds)]
        more(args, 0, "typical")  # the features that it goes by are learned once
        of_rule = {rule: list(workers.map(lambda seed: second(args, seed, rule), seeds)) for rule in RULES}
    mean, deviation = spread(start)
    print(f"{args.pairs} label sets of 40: {100 * mean:.2f} ± {100 * deviation:.2f} %")
    for rule, accuracies in of_rule.items():
        mean, deviation = spread(accuracies)
        line = f"+{N_MORE} {rule}: {100 * mean:.2f} ± {100 * deviation:.2f} %"
        if rule != "random":
            gain, deviation = spread([a - b for a, b in zip(accuracies, of_rule["random"])])
            error = deviation / math.sqrt(args.pairs)
            p = p_of_t(gain / error, args.pairs - 1) if error > 0 else float("nan")
            line += f", over random {100 * gain:+.2f} points (standard error {100 * error:.2f}), p = {p:.3f}"
        print(line)


if __name__ == "__main__":
    main()

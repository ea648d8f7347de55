"""Damages every file of a run's directory thousands of times, and counts what goes unnoticed.

    scripts/damage.py --cases 2400 --resumes 60

A small run is trained, stopped and changed. Then, one case at a time, one of its files gets one bit flipped, is cut,
loses or gains a line, has a digit changed, is zeroed for some bytes, emptied or removed. `fixmatch verify` has to say
that something is wrong, or `show`, `pseudo` and `changes` have to say what they said before. Only a `card.json` that is
removed is not missed: nothing else names it. Some cases are also resumed:
the run has to end in the weights of an undamaged one, or to be refused with the file's name. Prints a table in
Markdown; the exit code is 1 if anything was silent, or a program panicked or hung.
"""

import argparse
import collections
import hashlib
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PATIENCE = 120
SETTINGS = [
    "model.name=wrn", "model.depth=10", "model.width=1", "train.steps=100000", "train.batch=4", "train.mu=2", "train.window=5", "train.lr=0.001",
    "checkpoint.every=10", "checkpoint.keep=2", "eval.every=20", "insight.every=10", "labels.per_class=2",
    "machine.device=cpu", "machine.threads=1", "machine.loaders=1", "augment.strong=ctaugment",
]


class Place:
    """The programs, and a folder of runs."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.environment = dict(os.environ, FIXMATCH_RUNS=str(folder / "runs"), FIXMATCH_CACHE=str(folder / "cache"),
                                FIXMATCH_STATE=str(folder / "state"), TERM="dumb", RUST_BACKTRACE="0")

    def run(self, *arguments):
        """What a command said: its exit code, or None if it hung, and its output."""
        command = [str(self.program), *map(str, arguments)]
        try:
            done = subprocess.run(command, env=self.environment, capture_output=True, timeout=PATIENCE,
                                  stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return None, "", ""
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")

    def must(self, *arguments):
        code, out, err = self.run(*arguments)
        if code != 0:
            sys.exit(f"{arguments}: exit code {code}\n{out}{err}")
        return out


def a_stopped_run(place):
    """A run of some forty steps with recorded changes, tags and a note, without a worker."""
    settings = [argument for setting in SETTINGS for argument in ("--set", setting)]
    place.must("train", "quickstart", *settings, "--detach")
    while json.loads(place.must("show", "--json"))["step"] < 35:
        time.sleep(0.2)
    place.must("set", "threshold=0.5")
    place.must("stop")
    step = json.loads(place.must("show", "--json"))["step"]
    place.must("set", "lambda_u=0.5", f"steps={step + 25}")
    run = pathlib.Path(json.loads(place.must("show", "--json"))["path"])
    place.must("tag", run, "+good", "+paper")
    place.must("note", run, "what there is to say")
    place.must("runs")  # writes the summary
    return run


def weights(run):
    """A digest of the tensors of the newest checkpoint."""
    path = sorted((run / "checkpoints").glob("*.safetensors"))[-1]
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8:8 + length])
    header.pop("__metadata__")
    digest = hashlib.sha256(path.name.encode())
    for name in sorted(header):
        begin, end = header[name]["data_offsets"]
        digest.update(name.encode() + content[8 + length + begin:8 + length + end])
    return digest.hexdigest()


def damage(rng, content, is_text):
    """One kind of damage: its name and what is left; None for a file that is gone."""
    kinds = ["flip"] * 6 + ["cut"] * 3 + ["zeros", "empty", "gone"] + (["digit", "line"] * 2 if is_text else [])
    kind = rng.choice(kinds)
    if not content or kind == "gone":
        return "gone", None
    at = rng.randrange(len(content))
    if kind == "flip":
        return kind, content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1:]
    if kind == "cut":
        return kind, content[:at]
    if kind == "empty":
        return kind, b""
    if kind == "zeros":
        n = min(rng.randrange(1, 65), len(content) - at)
        return kind, content[:at] + bytes(n) + content[at + n:]
    if kind == "digit":
        places = [i for i, byte in enumerate(content) if chr(byte).isdigit()]
        if not places:
            return "cut", content[:at]
        at = rng.choice(places)
        other = rng.choice([digit for digit in b"0123456789" if digit != content[at]])
        return kind, content[:at] + bytes([other]) + content[at + 1:]
    lines = content.splitlines(keepends=True)
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    what = rng.choice(["drop", "twice", "swap", "begin", "end"])
    if what == "drop":
        del lines[one]
    elif what == "twice":
        lines.insert(other, lines[one])
    elif what == "swap":
        lines[one], lines[other] = lines[other], lines[one]
    elif what == "begin":
        lines = lines[one:]
    else:
        lines = lines[:one]
    return "line", b"".join(lines)


def spoil(path, left):
    if left is None:
        path.unlink()
    else:
        path.write_bytes(left)


def pages(place, run):
    """All that is said of a run."""
    return [place.run(*command, run, "--json") for command in (["show"], ["pseudo"], ["changes"])]


def is_bad(code, err):
    """How a program ended that should not have, or None."""
    return "hung" if code is None else "panicked" if code not in (0, 1) or "panicked" in err else None


def looked_at(place, run, path, left, before):
    """What becomes of a damaged file that is only looked at."""
    whole = path.read_bytes()
    spoil(path, left)
    try:
        code, out, err = place.run("verify", run, "--json")
        shown = place.run("show", run, "--json")
        for code_of, err_of in [(code, err), (shown[0], shown[2])]:
            if bad := is_bad(code_of, err_of):
                return bad
        if code == 1:
            return "noticed"
        return "harmless" if pages(place, run) == before else "silent"
    finally:
        path.write_bytes(whole)


def resumed(place, run, copy, path, left, expected):
    """What becomes of a run with a damaged file that goes on."""
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(run, copy)
    spoil(copy / path.relative_to(run), left)
    code, out, err = place.run("resume", copy)
    if bad := is_bad(code, err):
        return bad
    if code == 0:
        return "same" if weights(copy) == expected else "silent"
    named = path.name in err or path.parent.name in err
    return "refused" if named else f"refused without its name: {err.strip()[-300:]}"


def table(title, kinds, counts):
    print(f"\n| {title} | " + " | ".join(kinds) + " |")
    print("|---" * (len(kinds) + 1) + "|")
    for name, row in counts.items():
        print(f"| {name} | " + " | ".join(str(row[kind]) for kind in kinds) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=2400)
    parser.add_argument("--resumes", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "target/debug/fixmatch")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        place = Place(arguments.program, pathlib.Path(folder))
        run = a_stopped_run(place)
        skipped = {"worker.lock", "worker.log", "heartbeat"}
        files = [path for path in sorted(run.rglob("*")) if path.is_file() and path.name not in skipped]
        before = pages(place, run)
        place.must("verify", run)
        seen = collections.defaultdict(collections.Counter)
        failures = 0
        for case in range(arguments.cases):
            path = files[case % len(files)]
            is_text = path.suffix in {".toml", ".json", ".jsonl", ".seal"}
            kind, left = damage(rng, path.read_bytes(), is_text)
            found = looked_at(place, run, path, left, before)
            if found == "silent" and left is None and path.name == "card.json":
                found = "not missed"  # what people wrote on a run: nothing else names it
            name = "checkpoints/*" if path.parent != run else path.name
            seen[name]["cases"] += 1
            seen[name][found] += 1
            if found not in ("noticed", "harmless", "not missed"):
                failures += 1
                print(f"{found}: {kind} in {path.name}, case {case}", file=sys.stderr)
        table("looked at", ["cases", "noticed", "harmless", "not missed", "silent", "panicked", "hung"], seen)
        if arguments.resumes:
            copy = run.with_name(run.name + "-copy")
            shutil.copytree(run, copy)
            place.must("resume", copy)
            expected = weights(copy)
            went = collections.defaultdict(collections.Counter)
            for case in range(arguments.resumes):
                path = files[case % len(files)]
                kind, left = damage(rng, path.read_bytes(), path.suffix in {".toml", ".json", ".jsonl", ".seal"})
                found = resumed(place, run, copy, path, left, expected)
                name = "checkpoints/*" if path.parent != run else path.name
                went[name]["cases"] += 1
                went[name][found.split(":")[0]] += 1
                if found not in ("same", "refused"):
                    failures += 1
                    print(f"{found}: {kind} in {path.name}, resumed case {case}", file=sys.stderr)
            kinds = ["cases", "same", "refused", "silent", "refused without its name", "panicked", "hung"]
            table("resumed", kinds, went)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

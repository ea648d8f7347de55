"""Breaks workers, commands and queues at each of their calls, and compares what comes of it with unbroken runs.

    scripts/faults.py --cases 200 --commands 100 --consoles 100 --seed 1
    scripts/faults.py --every --only "CNN, RandAugment" ranking fork commands consoles

One call on a file of the run, the cache or the state fails once: an open, write, fsync, rename, link, mkdir or truncate,
with each error that such a call can come to, cut short, a second late, or by a kill in the middle or in place of it. Which
one is drawn at random from all that an unbroken run makes; with `--every`, each call has each fault in turn. A worker has to
go on or to end with its reason, unless it was killed; resumed, its run has to end in the weights, records and curves of an
unbroken one, and no file that was being written may be left. A command has to succeed or to end with an error, and to
succeed when it is given again. A console is given keys: what they ask for has to be done, or it has to say why not; what it
merely remembers may be forgotten. Calls are caught by a preloaded library (faults.c); those that do not pass through libc,
which are renames, links and opens of files without a name, by the kernel (syscalls.c). Both need a C compiler. Prints tables
in Markdown, also if it is interrupted; `--skip` goes on from there. The exit code is 1 if anything differed, panicked or hung.
"""

import argparse
import collections
import contextlib
import errno
import fcntl
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zlib

from damage import weights
from long import Console

ROOT = pathlib.Path(__file__).resolve().parent.parent
PATIENCE = 120
ERRORS = {name: getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EIO", "EROFS", "EMFILE")}
# what each kind of call can come to
FITTING = {
    "open": ["ENOSPC", "EIO", "EROFS", "EMFILE", "kill"], "write": ["ENOSPC", "EDQUOT", "EIO", "short", "kill"],
    "fsync": ["ENOSPC", "EIO", "slow", "kill"], "mkdir": ["ENOSPC", "EIO", "EROFS", "kill"], "truncate": ["EIO", "kill"],
    "rename": ["ENOSPC", "EIO", "EROFS", "kill"], "link": ["ENOSPC", "EIO", "EROFS", "kill"],
    "nameless": ["ENOSPC", "EIO", "EROFS", "EMFILE", "kill"],
}
TINY = [
    "data.dataset=folder", "train.steps=30", "train.batch=2", "train.mu=2", "train.window=5",
    "train.lr=0.01", "optim.ema_decay=0.9", "labels.per_class=2", "eval.every=10", "checkpoint.every=10",
    "checkpoint.keep=2", "insight.every=10", "machine.device=cpu", "machine.threads=1", "machine.loaders=1",
]
# each kind of call still, and fewer of them, where each call is to fail in turn
SHORT = ["train.steps=12", "train.window=6", "eval.every=6", "checkpoint.every=6", "insight.every=8"]
PLAYED = [{"time": 1.0, "event": "launched", "pid": 77, "host": "h", "version": "0"},
          {"time": 2.0, "event": "stopped", "step": 0}]
WRN = ["model.name=wrn", "model.depth=10", "model.width=1"]
CTAUGMENT = ["augment.strong=ctaugment", "augment.ctaugment.decay=0.5", "augment.ctaugment.delay=3"]
KINDS = {
    "CNN, RandAugment": ["model.name=cnn", "train.threshold=0.4"],
    "CNN, CTAugment, FreeMatch": ["model.name=cnn", *CTAUGMENT, "pseudo_label.policy=freematch"],
    "CNN, FlexMatch": ["model.name=cnn", "train.threshold=0.4", "pseudo_label.policy=flexmatch"],
    "WRN, CTAugment": [*WRN, *CTAUGMENT, "train.threshold=0.4"],
    "WRN, SoftMatch": [*WRN, "pseudo_label.policy=softmatch"],
}


def png(path, rng, channel):
    """A picture of 12×12 pixels, noise with more of one channel."""
    rows = b"".join(b"\0" + bytes(rng.randrange(200) + 55 * (c == channel) for _ in range(12) for c in range(3))
                    for _ in range(12))
    part = lambda name, body: len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")
    head = (12).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b""))


class Place:
    """The programs, the images, and what every case begins with."""

    def __init__(self, programs, folder, is_short):
        self.programs, self.folder, self.settings = programs, folder, TINY + SHORT * is_short
        self.library = folder / "faults.so"
        built = ["cc", "-shared", "-fPIC", "-O1", "-o", str(self.library), str(ROOT / "scripts/faults.c"), "-ldl"]
        subprocess.run(built, check=True)
        subprocess.run(["cc", "-O1", "-o", str(folder / "syscalls"), str(ROOT / "scripts/syscalls.c")], check=True)
        rng = random.Random(0)
        for split, n in (("train", 12), ("test", 6)):
            for channel, name in enumerate(("red", "green", "blue")):
                for i in range(n):
                    png(folder / "data" / split / name / f"{i:02}.png", rng, channel)
        # a worker that only says that it was there
        (folder / "played").write_text("".join(json.dumps(event) + "\n" for event in PLAYED))
        self.player = folder / "player"
        self.player.write_text(f"#!/bin/sh\nexec env -u LD_PRELOAD sh -c 'sed s/77/$$/ {folder}/played >> $0/events.jsonl' $2\n")
        self.player.chmod(0o755)
        (folder / "ranking.toml").write_text("[rank]\nby = \"agreement\"\nmembers = 2\nepochs = 3\n[train]\nlambda_u = 0.0\n")

    def environment(self, case, fault=None):
        own = dict(os.environ, FIXMATCH_RUNS=str(case / "runs"), FIXMATCH_CACHE=str(case / "cache"), TERM="dumb",
                   FIXMATCH_STATE=str(case / "state"), FIXMATCH_CONFIG=str(case / "none.toml"), RUST_BACKTRACE="0",
                   FIXMATCH_WORKER=str(self.programs / "fixmatch-worker"))
        if fault and fault.op not in BY_KERNEL:
            own |= {"LD_PRELOAD": str(self.library), "FAULT_ROOT": f"{case}/", "FAULT_OP": fault.op,
                    "FAULT_AT": str(fault.at), "FAULT_HOW": str(fault.how), "FAULT_COUNTS": str(self.folder / "counts")}
        return own

    def prepared(self, case, command, fault, environment):
        """A program's command and environment, with the fault that it is to meet."""
        command = [str(self.programs / command[0]), *map(str, command[1:])]
        if fault and fault.op in BY_KERNEL:
            how = -1 if fault.how == "kill" else fault.how
            command = [str(self.folder / "syscalls"), fault.op, str(fault.at), str(how), str(self.folder / "counts"), *command]
        (self.folder / "counts").unlink(missing_ok=True)
        return command, self.environment(case, fault) | environment

    def run(self, case, command, fault=None, **environment):
        """What a program did: its exit code, None if it hung, and its output."""
        command, environment = self.prepared(case, command, fault, environment)
        try:
            done = subprocess.run(command, env=environment, capture_output=True, timeout=PATIENCE,
                                  stdin=subprocess.DEVNULL, cwd=self.folder)
        except subprocess.TimeoutExpired:
            return None, ""
        return done.returncode, (done.stdout + done.stderr).decode(errors="replace")

    def type(self, case, command, keys, fault=None):
        """The same for a console that is given keys, each once it has drawn what came of the one before."""
        console = Console(*self.prepared(case, command, fault, {}), self.folder, (24, 80))
        for key in keys:
            console.quiet(time.monotonic(), 0.2)
            if console.ended() is not None:
                break
            console.press(key)
        console.quiet(time.monotonic(), 0.2)
        return console.leave(PATIENCE), console.text.decode(errors="replace")

    def must(self, case, *command, **environment):
        code, out = self.run(case, command, **environment)
        if code != 0:
            sys.exit(f"{command}: exit code {code}\n{out}")
        return out

    def count(self, case, op, command, keys=None, **environment):
        """How many calls of a kind it makes."""
        fault = Fault(op, 0, 0)
        code, out = self.type(case, command, keys, fault) if keys else self.run(case, command, fault, **environment)
        settle(case)
        if not is_done(code, out):
            sys.exit(f"{command}: {out}")
        with contextlib.suppress(FileNotFoundError):
            return (self.folder / "counts").stat().st_size
        return 0

    def fresh(self, name, settings, preset="quickstart", **more):
        """A run that no worker has taken up: the case's folder, and the run in it."""
        case = self.folder / "templates" / name.replace(" ", "-").replace(",", "")
        words = [word for setting in [*self.settings, f"data.path={self.folder / 'data'}", *settings] for word in ("--set", setting)]
        # a worker that does nothing leaves the run as it was made
        code, out = self.run(case, ["fixmatch", "train", preset, *words, "--detach"], FIXMATCH_WORKER="/bin/true")
        if not (case / "runs").exists():
            sys.exit(out)
        shutil.rmtree(case / "cache", ignore_errors=True)  # the worker decodes the images once more
        return case, newest(case)


    def stopped(self, name):
        """A run that a worker trained for a while, and how far."""
        case, run = self.fresh(name, [*KINDS["CNN, RandAugment"], "train.steps=100000"])
        command = [str(self.programs / "fixmatch-worker"), "run", str(run)]
        with subprocess.Popen(command, env=self.environment(case), stderr=subprocess.DEVNULL):
            while json.loads(self.must(case, "fixmatch", "show", run, "--json"))["step"] < 15:
                time.sleep(0.1)
            self.must(case, "fixmatch", "stop", run)
        return case, run, json.loads(self.must(case, "fixmatch", "show", run, "--json"))["step"]


class Fault(collections.namedtuple("Fault", "op at how")):
    def __str__(self):
        names = {number: name for name, number in ERRORS.items()}
        return f"{self.op} {self.at}: {names.get(self.how, self.how)}"


def newest(case):
    return sorted(path for path in (case / "runs").iterdir() if path.name[0].isdigit())[-1]


def result(run):
    """What a run came to: weights, records, and its events without what varies."""
    varying = {"time", "images_per_s", "data_wait", "memory_bytes", "id", "job", "digests", "seal", "line", "sum", "before"}
    kept = {"progress", "evaluated", "compared", "insight", "alarm"}
    events = {}
    for line in (run / "events.jsonl").read_text(errors="replace").splitlines():
        with contextlib.suppress(ValueError):
            event = json.loads(line)
            if event.get("event") in kept:
                key = (event["event"], event.get("step"))
                events[key] = {k: v for k, v in event.items() if k not in varying}
    events = json.dumps(sorted((list(map(str, key)), value) for key, value in events.items()), sort_keys=True)
    insight = run / "insight.bin"
    ranking = run / "ranking.json"
    return (weights(run), hashlib.sha256(events.encode()).hexdigest(),
            hashlib.sha256(insight.read_bytes() if insight.exists() else b"").hexdigest(),
            hashlib.sha256(ranking.read_bytes() if ranking.exists() else b"").hexdigest())


def is_done(code, out):
    """Whether a program did what it was asked for. A forked log is sealed, and the played worker cannot write into it."""
    return code == 0 or "the worker ended without a word" in out


def settle(case):
    """Waits for the queues of a case to end."""
    for path in case.rglob("queue.lock"):
        with path.open() as lock, contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)


def grow_old(case):
    """Makes folders of runs that were being made as old as those that nobody can still be making."""
    for path in case.rglob(".making-*"):
        os.utime(path, (time.time() - 7200,) * 2)


def leftovers(case):
    return [path for path in case.rglob("*.tmp")]


def told(run, out):
    """Whether a worker's end has a reason, in the log or for its launcher."""
    log = (run / "events.jsonl").read_text(errors="replace") if (run / "events.jsonl").exists() else ""
    return '"failed"' in log or "error: " in out or "cannot" in out


def broken_worker(place, template, run, expected, fault, again=None):
    """What becomes of a run whose worker meets a fault, and another one when it is resumed."""
    case = place.folder / "case"
    shutil.rmtree(case, ignore_errors=True)
    shutil.copytree(template, case)
    run = case / run.relative_to(template)
    code, out = place.run(case, ["fixmatch-worker", "run", run], fault)
    if code is None:
        return "hung"
    if "panicked" in out:
        return "panicked"
    how = "went on" if code == 0 else "killed" if fault.how == "kill" else "ended, told"
    if code != 0 and fault.how != "kill" and not told(run, out):
        return "ended without a reason"
    grow_old(case)
    if again:
        place.run(case, ["fixmatch-worker", "run", run], again)
    code, out = place.run(case, ["fixmatch-worker", "run", run])
    if code != 0:
        return f"not resumed: {out[-400:]}"
    if result(run) != expected:
        return "differs"
    if leftovers(case):
        return f"left {leftovers(case)[0].name}"
    return how


def draw(rng, counts):
    """A fault, each kind of call as likely as another, if it is made at all."""
    op = rng.choice([op for op, n in counts.items() if n and FITTING[op]])
    return Fault(op, rng.randrange(1, counts[op] + 1), rng.choice(hows(op)))


def hows(op):
    return [ERRORS.get(name, name) for name in FITTING[op]]


def cases(rng, counts, n_cases, skip):
    """What is to be broken, and how: drawn at random, or each call of each in turn if no number is said."""
    if n_cases is None:
        found = [(name, Fault(op, at, how)) for name, of in counts.items() for op, n in of.items()
                 for at in range(1, n + 1) for how in hows(op)]
    else:
        names = [name for name, of in counts.items() if any(of.values())]
        found = [(name, draw(rng, counts[name])) for name in (names[n % len(names)] for n in range(n_cases))]
    for n, case in list(enumerate(found))[skip:]:
        if n % 50 == 0:
            print(f"{n} of {len(found)} cases", file=sys.stderr)
        yield n, *case


OPS = list(FITTING)
# what does not pass through libc
BY_KERNEL = ("rename", "link", "nameless")


def workers(place, rng, n_cases, skip, seen, only):
    """Faults of what workers write; how many came to something bad."""
    if n_cases == 0:
        return 0
    templates = {name: place.fresh(name, settings) for name, settings in KINDS.items()}
    case, run = templates["ranking"] = place.fresh("ranking", ["model.name=cnn", "train.steps=108", "eval.every=54", "checkpoint.every=30"], place.folder / "ranking.toml")
    # recorded changes that lie ahead, of a run that was stopped
    case, run, step = place.stopped("live changes")
    for change in (f"steps={step + 25}", "threshold=0.2", "lambda_u=0.5", "lr_factor=0.5"):
        place.must(case, "fixmatch", "set", run, change)
    templates["live changes"] = case, run
    parent = place.folder / "templates/fork"
    shutil.copytree(templates["CNN, CTAugment, FreeMatch"][0], parent)
    place.must(parent, "fixmatch-worker", "run", newest(parent))
    fork = ["fixmatch", "fork", newest(parent), "--at", "6" if place.settings != TINY else "20", "--set", "train.threshold=0.3", "--detach"]
    place.run(parent, fork, FIXMATCH_WORKER="/bin/true")
    templates["fork"] = parent, newest(parent)
    counts, expected = {}, {}
    templates = {name: it for name, it in templates.items() if name in only or not only}
    for name, (case, run) in templates.items():
        whole = place.folder / "whole"
        counts[name] = {}
        for op in OPS:
            shutil.rmtree(whole, ignore_errors=True)
            shutil.copytree(case, whole)
            counts[name][op] = place.count(whole, op, ["fixmatch-worker", "run", whole / run.relative_to(case)])
            found = result(whole / run.relative_to(case))
            assert expected.setdefault(name, found) == found, f"{name}: unbroken runs differ"
        print(f"{name}: {counts[name]}", file=sys.stderr)
    failures = 0
    for n, name, fault in cases(rng, counts, n_cases, skip):
        again = draw(rng, counts[name]) if n_cases and n % 4 == 3 else None
        found = broken_worker(place, *templates[name], expected[name], fault, again)
        seen[name]["cases"] += 1
        seen[name][found.split(":")[0]] += 1
        if found not in ("went on", "killed", "ended, told"):
            failures += 1
            print(f"{found}: {name}, {fault}, then {again}", file=sys.stderr)
            shutil.copytree(place.folder / "case", place.folder.parent / f"{place.folder.name}-failed-{n}", dirs_exist_ok=True)
    return failures


COMMANDS = {
    "train": lambda run: ["train", "quickstart", "--detach"],
    "fork": lambda run: ["fork", run, "--detach"],
    "set": lambda run: ["set", run, "threshold=0.31"],
    "tag": lambda run: ["tag", run, "+good"],
    "note": lambda run: ["note", run, "a note"],
    "seal": lambda run: ["seal", run],
    "brief": lambda run: ["attach", "--brief", run],
    "runs": lambda run: ["runs"],
    "labels make": lambda run: ["labels", "make", "fashion-mini", "--per-class", "1", "--name", "few"],
    "export": lambda run: ["export", run, "--weights", "CASE/weights.safetensors", "--force"],
    "report": lambda run: ["report", "-o", "CASE/report.html", "--force"],
    "suite run": lambda run: ["suite", "run", "CASE/../study.toml"],
    "trash": lambda run: ["trash", "empty", "--yes"],
}


def commands(place, rng, n_cases, skip, seen):
    """Faults of what commands write, in a folder with a run that was stopped and one that is done."""
    if n_cases == 0:
        return 0
    (place.folder / "study.toml").write_text(
        'title = "S"\nbase = "quickstart"\nseeds = 2\n[config]\n' + "\n".join(
            f"{key} = {value if value[0].isdigit() else json.dumps(value)}"
            for key, value in (setting.split("=", 1) for setting in [*TINY, "model.name=cnn", f"data.path={place.folder / 'data'}"])))
    template, run, step = place.stopped("commands")
    case = place.folder / "case"
    failures, counts = 0, {}

    def prepared(name):
        shutil.rmtree(case, ignore_errors=True)
        shutil.copytree(template, case)
        here = case / run.relative_to(template)
        if name == "seal":
            text = (here / "run.toml").read_text()
            (here / "run.toml").write_text(text.replace("window = 5", "window = 6"))
        return [str(word).replace("CASE", str(case)) for word in ("fixmatch", *COMMANDS[name](here))]

    for name in COMMANDS:
        counts[name] = {op: place.count(case, op, prepared(name), FIXMATCH_WORKER=str(place.player)) for op in OPS}
        print(f"{name}: {counts[name]}", file=sys.stderr)
    for _, name, fault in cases(rng, counts, n_cases, skip):
        command = prepared(name)
        code, out = place.run(case, command, fault, FIXMATCH_WORKER=str(place.player))
        settle(case)
        grow_old(case)
        after = place.run(case, ["fixmatch", "runs"])
        whole = place.run(case, ["fixmatch", "verify", case / run.relative_to(template)])
        repeated, said = place.run(case, command, FIXMATCH_WORKER=str(place.player))
        settle(case)
        done_already = any(word in said for word in ("exists", "is there already", "nothing to take", "already has"))
        if None in (code, after[0], whole[0], repeated):
            found = "hung"
        elif "panicked" in out + after[1] + whole[1] + said:
            found = "panicked"
        elif after[0] != 0 or (whole[0] != 0 and name != "seal"):
            found = f"left damage: {after[1][-300:]} {whole[1][-300:]}"
        elif not is_done(repeated, said) and not done_already:
            found = f"not done again: {said[-300:]}"
        elif is_done(code, out):
            found = "went on"
        elif fault.how == "kill":
            found = "killed"
        else:
            found = "error, told" if "error" in out or "cannot" in out else "no reason"
        seen[name]["cases"] += 1
        seen[name][found.split(":")[0]] += 1
        if left := leftovers(case):
            seen[name]["left a file"] += 1
            print(f"left {left[0].relative_to(case)}: {name}, {fault}", file=sys.stderr)
        if found not in ("went on", "killed", "error, told"):
            failures += 1
            print(f"{found}: {name}, {fault}\n{out[-300:]}", file=sys.stderr)
    return failures


# keys, what they are given to, and what has come of them; of what is only remembered, nothing has to
KEYS = {
    "list of runs": (lambda run: [], ["j", " ", "\t", "v", "q"], lambda case: None),
    "saved filter": (lambda run: [], ["/", "steps>1", "\r", "W", "few", "\r", "q"], lambda case: json.loads((case / "state/expressions.json").read_text())),
    "title, tag, note": (lambda run: ["attach", run], ["T", "a title", "\r", "#", "+good", "\r", "N", "a note", "\r", "q"],
                         lambda case: json.loads((newest(case) / "card.json").read_text())),
    "trash": (lambda run: [], ["\t", "D", "y", "q"], lambda case: sorted(path.name for path in (case / "runs").iterdir() if path.name[0].isdigit())),
    "change of a stopped run": (lambda run: ["attach", run], ["s", "\r", "1", "\r", "q"], lambda case: "0.41" in (newest(case) / "events.jsonl").read_text()),
    "label": (lambda run: ["label", "data", "--classes", "red,green,blue", "--order", "name", "-o", "CASE/answers.csv"], ["1", "2", "u", "3", "\t", "q"],
              lambda case: [line.split(",")[:3] for line in (case / "answers.csv").read_text().splitlines()[1:]]),
}


def consoles(place, rng, n_cases, skip, seen):
    """Faults of what a console writes while keys are pressed."""
    if n_cases == 0:
        return 0
    template, run, _ = place.stopped("consoles")
    case, counts, expected = place.folder / "case", {}, {}

    def prepared(name):
        shutil.rmtree(case, ignore_errors=True)
        shutil.copytree(template, case)
        words, keys, _ = KEYS[name]
        words = [str(word).replace("CASE", str(case)) for word in words(case / run.relative_to(template))]
        return ["fixmatch", *words], [key.encode() for key in keys]

    def done(name):
        try:
            return KEYS[name][2](case)
        except OSError:
            return "nothing"

    for name in KEYS:
        counts[name] = {}
        for op in OPS:
            counts[name][op] = place.count(case, op, *prepared(name))
            assert expected.setdefault(name, done(name)) == done(name) != "nothing", f"{name}: {done(name)}, not {expected[name]}"
        print(f"{name}: {counts[name]}, {expected[name]}", file=sys.stderr)
    failures = 0
    for _, name, fault in cases(rng, counts, n_cases, skip):
        command, keys = prepared(name)
        code, text = place.type(case, command, keys, fault)
        came = done(name)
        again, said = place.type(case, command, keys)
        whole = place.run(case, ["fixmatch", "verify", newest(case)]) if name != "trash" else (0, "")
        if None in (code, again, whole[0]):
            found = "hung"
        elif "panicked" in text + said + whole[1]:
            found = "panicked"
        elif whole[0] != 0 or again != 0 or done(name) == "nothing":
            found = f"left damage: {whole[1][-300:]} {said[-300:]}"
        elif code != 0:
            found = "killed" if fault.how == "kill" else f"ended: {text[-300:]}"
        elif came == expected[name]:
            found = "went on"
        else:
            found = "error, told" if "cannot" in text or "error" in text else f"lost in silence: {came}"
        seen[name]["cases"] += 1
        seen[name][found.split(":")[0]] += 1
        if found not in ("went on", "killed", "error, told"):
            failures += 1
            print(f"{found}: {name}, {fault}", file=sys.stderr)
    return failures


def table(title, kinds, counts):
    kinds = [kind for kind in kinds if kind == "cases" or any(row[kind] for row in counts.values())]
    print(f"\n| {title} | " + " | ".join(kinds) + " |")
    print("|---" * (len(kinds) + 1) + "|")
    for name, row in counts.items():
        print(f"| {name} | " + " | ".join(str(row[kind]) for kind in kinds) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--commands", type=int, default=100)
    parser.add_argument("--consoles", type=int, default=0)
    parser.add_argument("--every", action="store_true")
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--ops", nargs="+", choices=OPS, default=OPS, help="only these calls")
    parser.add_argument("--how", nargs="+", choices=sorted({how for hows in FITTING.values() for how in hows}), help="only these faults")
    parser.add_argument("--skip", type=int, default=0, help="how many cases of each part were done already")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--programs", type=pathlib.Path, default=ROOT / "target/debug")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    wanted = lambda op, how: op in arguments.ops and how in (arguments.how or [how])
    FITTING.update({op: [how for how in hows if wanted(op, how)] for op, hows in FITTING.items()})
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # tables of what was done
    only, parts = arguments.only, ("commands", "consoles")
    n = {part: None if arguments.every else getattr(arguments, part) for part in ("cases", *parts)}
    for part in parts:
        n[part] = n[part] if part in only or not only else 0
    n["cases"] = n["cases"] if not only or set(only) - set(parts) else 0
    with tempfile.TemporaryDirectory() as folder:
        place = Place(arguments.programs.resolve(), pathlib.Path(folder), arguments.every)
        worst = ["left a file", "left damage", "lost in silence", "ended", "not done again", "no reason", "panicked", "hung"]
        failures = 0
        for part, n_cases, what, kinds in (
            (lambda *rest: workers(*rest, set(only) - set(parts)), n["cases"], "worker",
             ["ended, told", "killed", "differs", "not resumed", "ended without a reason", "panicked", "hung"]),
            (commands, n["commands"], "command", ["error, told", "killed", *worst]),
            (consoles, n["consoles"], "console", ["error, told", "killed", *worst]),
        ):
            seen = collections.defaultdict(collections.Counter)
            try:
                failures += part(place, rng, n_cases, arguments.skip, seen)
            finally:
                if seen:
                    table(what, ["cases", "went on", *kinds], seen)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

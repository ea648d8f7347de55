"""What long runs cost: memory over an hour, thousands of pauses, thousands of runs, a log of 2^20 steps.

    scripts/long.py memory --minutes 60
    scripts/long.py pauses --number 10000
    scripts/long.py runs --number 10000
    scripts/long.py steps

`memory` trains a small network as a run of a suite, with the suite's queue and a console beside it, writes the resident
memory of the three once a minute, and prints how it grows after the warm-up. `pauses` pauses and resumes one run, and
compares it with one that was never paused. `runs` copies a finished run, and times what reads them all. `steps` writes a log of 2^20
steps, and times what reads it. All print tables in Markdown.
"""

import argparse
import contextlib
import fcntl
import hashlib
import itertools
import json
import os
import pathlib
import pty
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PATIENCE = 120
SMALL = ["train.batch=4", "train.mu=1", "train.lr=0.001", "machine.device=cpu", "machine.threads=1", "machine.loaders=1"]


class Place:
    """The programs, and folders of their own."""

    def __init__(self, programs, folder):
        self.programs, self.folder = programs, folder
        own = {"RUNS": folder / "runs", "STATE": folder / "state", "CACHE": folder / "cache", "CONFIG": folder / "none.toml",
               "WORKER": programs / "fixmatch-worker"}
        self.environment = os.environ | {f"FIXMATCH_{name}": str(path) for name, path in own.items()} | {"LANG": "C.UTF-8"}

    def fixmatch(self, *words):
        """What a command printed."""
        done = subprocess.run([self.programs / "fixmatch", *map(str, words)], env=self.environment, capture_output=True,
                              text=True, cwd=self.folder)
        if done.returncode:
            sys.exit(f"{words}: {done.stdout}{done.stderr}")
        return done.stdout

    def console(self, *words):
        return Console([str(self.programs / "fixmatch"), *map(str, words)], self.environment, self.folder)

    def until(self, what, is_so, poll=0.1):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if value := is_so():
                return value
            time.sleep(poll)
        sys.exit(f"not within {PATIENCE} s: {what}")


class Console:
    """A console in a terminal of its own, which a thread reads."""

    def __init__(self, command, environment, folder, size=(40, 120)):
        self.text, self.n_bytes, self.drawn, self.code = b"", 0, time.monotonic(), None
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(command[0], command, environment | {"TERM": "xterm-256color", "LANG": "C.UTF-8"})
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        with contextlib.suppress(OSError):
            while data := os.read(self.terminal, 1 << 16):
                self.text = (self.text + data)[-(1 << 18):]
                self.n_bytes, self.drawn = self.n_bytes + len(data), time.monotonic()

    def press(self, key):
        with contextlib.suppress(OSError):
            os.write(self.terminal, key)

    def quiet(self, began, seconds=0.3):
        """How long after `began` the last byte came, once some have and none has come for a while."""
        while self.n_bytes == 0 and self.ended() is None:
            time.sleep(0.02)
        while time.monotonic() - max(self.drawn, began) < seconds:
            time.sleep(0.02)
        return self.drawn - began

    def ended(self):
        """The exit code, below 0 of a signal; None while it runs."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.code = os.waitstatus_to_exitcode(status) if pid else None
        return self.code

    def leave(self, patience=0):
        """Waits for its end, and makes one then: the exit code, None if it did not end by itself."""
        deadline = time.monotonic() + patience
        while self.ended() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        code = self.code
        if code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.terminal)
        return code


def memory_of(pid):
    """Resident memory in MiB: all of it, and what is in no file."""
    fields = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    return tuple(int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon"))


def process_of(*words):
    """The process whose command holds all of these."""
    for path in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if path.name.isdigit() and int(path.name) != os.getpid():
                command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if all(word in command for word in words):
                    return int(path.name)
    return None


def weights_of(checkpoint):
    """A digest of a checkpoint's tensors."""
    content = checkpoint.read_bytes()
    header = int.from_bytes(content[:8], "little")
    return hashlib.sha256(content[8 + header:]).hexdigest()


def slope(points):
    """The median of the slopes between any two points (Theil and Sen): a moment of an evaluation does not bend it."""
    return statistics.median((y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in itertools.combinations(points, 2))


def memory(place, arguments):
    settings = [*SMALL, f"train.steps={1 << 22}", f"train.window={arguments.window}", f"eval.every={16 * arguments.window}",
                f"insight.every={8 * arguments.window}", f"checkpoint.every={32 * arguments.window}", "labels.per_class=1"]
    (place.folder / "long.toml").write_text('title = "Long"\nbase = "quickstart"\nseeds = 2\n')
    words = [word for setting in settings for word in ("--set", setting)]
    place.fixmatch("suite", "run", place.folder / "long.toml", *words, "--slots", "cpu:1")
    runs = place.folder / "runs"
    run = place.until("the run is there", lambda: next((it for it in runs.glob("2*") if (it / "events.jsonl").exists()), None))
    place.until("it trains", lambda: json.loads(place.fixmatch("show", run, "--json"))["step"])
    console = place.console("attach", run)
    pids = {"worker": process_of("fixmatch-worker", str(run)), "queue": process_of(" suite work ", str(runs)), "console": console.pid}
    print(f"{run}: {pids}", file=sys.stderr)
    if None in pids.values():
        sys.exit("a process is not there")
    began, seen = time.monotonic(), []
    while time.monotonic() - began < 60 * arguments.minutes:
        minutes = (time.monotonic() - began) / 60
        n_events = (run / "events.jsonl").read_bytes().count(b"\n")
        if gone := [name for name, pid in pids.items() if not pathlib.Path(f"/proc/{pid}/exe").exists()]:
            log = runs / ".suites/long/queue.log"
            print(f"gone after {minutes:.1f} minutes: {gone}\n{log.read_text()[-2000:]}", file=sys.stderr)
            break
        seen.append((minutes, n_events, {name: memory_of(pid) for name, pid in pids.items()}))
        print(f"{minutes:.1f} min, {n_events} events: " + ", ".join(
            f"{name} {rss:.2f} ({anon:.2f})" for name, (rss, anon) in seen[-1][2].items()), file=sys.stderr, flush=True)
        time.sleep(max(0, began + 60 * len(seen) - time.monotonic()))
    place.fixmatch("suite", "stop", "long")
    console.leave()
    warm = [it for it in seen if it[0] >= arguments.warm_up]
    hours = (warm[-1][0] - warm[0][0]) / 60
    events = warm[-1][1] - warm[0][1]
    print(f"{len(warm)} minutes after {arguments.warm_up} of warm-up, {events} events, {events / hours:.0f} an hour\n")
    print("| process | first MiB | last MiB | MiB an hour | of it in no file |\n|---|---|---|---|---|")
    for name in pids:
        rss, anon = (slope([(minutes / 60, sizes[name][i]) for minutes, _, sizes in warm]) for i in (0, 1))
        print(f"| {name} | {warm[0][2][name][0]:.1f} | {warm[-1][2][name][0]:.1f} | {rss:.2f} | {anon:.2f} |")


def ask(run, request, n):
    """Puts a request into the mailbox, as `fixmatch` does."""
    aside = run / "control/.aside"
    aside.write_text(json.dumps({"who": "scripts/long.py", "request": request}))
    aside.rename(run / f"control/{time.time_ns() // 1000:015}-{n}.json")


def pauses(place, arguments):
    """Pauses and resumes a run; in the end it has to have the weights of one that was never paused."""
    settings = [word for it in [*SMALL, "train.batch=2", "train.steps=1000000", "train.window=200", "eval.every=1000", "insight.every=1000",
                                "checkpoint.every=1000", "checkpoint.keep=100000", "labels.per_class=1"] for word in ("--set", it)]

    def start():
        place.fixmatch("train", "quickstart", *settings, "--detach")
        run = max((place.folder / "runs").glob("2*"), key=lambda it: it.stat().st_mtime)
        place.until("it trains", lambda: step(run))
        return run, process_of("fixmatch-worker", str(run))

    step = lambda run: json.loads(place.fixmatch("show", run, "--json"))["step"]
    run, worker = start()
    began, before = time.monotonic(), memory_of(worker)[0]
    with (run / "events.jsonl").open("rb") as log:
        log.seek(0, os.SEEK_END)
        for n in range(arguments.number):
            for request, answer in (("pause", b'"event":"paused"'), ("continue", b'"event":"continued"')):
                ask(run, request, n)
                read = []
                place.until(f"pause {n}: {request}", lambda: read.append(log.read()) or answer in b"".join(read), 0.005)
            if n % 500 == 499:
                print(f"{n + 1} pauses in {time.monotonic() - began:.0f} s, step {step(run)}, worker {memory_of(worker)[0]:.1f} MiB, "
                      f"{len(os.listdir(f'/proc/{worker}/fd'))} files", file=sys.stderr, flush=True)
    took, after, is_same = time.monotonic() - began, memory_of(worker)[0], process_of("fixmatch-worker", str(run)) == worker
    place.until("it has checkpoints", lambda: len(list((run / "checkpoints").glob("*.safetensors"))) > 1)
    place.fixmatch("stop", run)
    events = [json.loads(line)["event"] for line in (run / "events.jsonl").read_text().splitlines()]
    place.fixmatch("verify", run)
    saved = sorted((run / "checkpoints").glob("*.safetensors"))[-2].name  # the last one is that of the stop
    print(f"{events.count('paused')} pauses and {events.count('continued')} resumptions in {took:.0f} s, the worker "
          f"{'the same process' if is_same else 'ANOTHER PROCESS'}, {before:.1f} MiB at first, {after:.1f} MiB at last; "
          f"{len(list((run / 'control').iterdir()))} requests left", flush=True)
    other, worker = start()
    while not (other / "checkpoints" / saved).exists():
        time.sleep(1)
    place.fixmatch("stop", other)
    one, two = (weights_of(it / "checkpoints" / saved) for it in (run, other))
    print(f"weights of {saved} {'the same as' if one == two else 'NOT THOSE'} of a run that was not paused")


def busy(pid):
    """Seconds that a process kept processors busy."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def timed(place, what, *words):
    """A line of a table about a command: how long it took, how busy it kept processors, and the most memory that it held."""
    began = time.monotonic()
    process = subprocess.Popen([place.programs / "fixmatch", *map(str, words)], env=place.environment, cwd=place.folder,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        print(f"{what}: exit code {process.returncode}: {said}", file=sys.stderr)
    row(what, time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def row(what, took, of_processors, memory):
    print(f"| {what} | {took:.2f} | {of_processors:.2f} | {memory:.0f} |", flush=True)


def typed(place, what, words, keys, has_come):
    """Lines of a table about a console: until it shows something, and until it has drawn what a key comes to."""
    began = time.monotonic()
    console = place.console(*words)
    while console.n_bytes == 0:
        time.sleep(0.002)
    row(f"{what}: first screen", console.drawn - began, busy(console.pid), memory_of(console.pid)[0])
    while has_come not in console.text and time.monotonic() - began < PATIENCE:
        time.sleep(0.002)
    row(f"{what}: all read", time.monotonic() - began, busy(console.pid), memory_of(console.pid)[0])
    for name, key in keys:
        console.quiet(time.monotonic())
        n, began, before = console.n_bytes, time.monotonic(), busy(console.pid)
        console.press(key)
        while console.n_bytes == n and time.monotonic() - began < 30:
            time.sleep(0.001)
        took = time.monotonic() - began
        console.quiet(time.monotonic())
        row(f"{what}: key {name}", took, busy(console.pid) - before, memory_of(console.pid)[0])
    console.leave()


KEYS = [("Tab", b"\t"), ("↓", b"j"), ("End", b"G"), ("v", b"v"), ("v", b"v"), ("/", b"/"), ("a letter", b"s")]


def runs(place, arguments):
    """Copies of a finished run, without its checkpoints, and what reads them all."""
    settings = [word for it in [*SMALL, "train.steps=60", "train.window=5", "labels.per_class=1"] for word in ("--set", it)]
    place.fixmatch("train", "quickstart", *settings)
    run = next((place.folder / "runs").glob("2*"))
    shutil.rmtree(run / "checkpoints")
    (run / "checkpoints").mkdir()
    for n in range(1, arguments.number):
        shutil.copytree(run, run.with_name(f"{run.name[:15]}-copy-{n}-s1"))
    print(f"| {arguments.number} runs | seconds | of processors | MiB |\n|---|---|---|---|")
    for what, words in (("`runs`, first time", ["runs"]), ("`runs`", ["runs"]), ("`runs --json`", ["runs", "--json"]),
                        ("`runs --group`", ["runs", "--group"]), ("`runs accuracy>50%`", ["runs", "accuracy>50%"]),
                        ("`show` of the newest", ["show"]), ("`show copy-77`", ["show", "copy-77-s1"]),
                        ("`report -o r.md`", ["report", "-o", "r.md", "--force"])):
        timed(place, what, *words)
    typed(place, "console", [], KEYS, f"{arguments.number}".encode())
    for path in (place.folder / "runs").glob("*/summary.json"):
        path.unlink()
    timed(place, "`runs`, all summaries gone", "runs")


def table_of_crc32c():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


TABLE = table_of_crc32c()


def crc32c(text):
    value = 0xFFFFFFFF
    for byte in text:
        value = TABLE[(value ^ byte) & 255] ^ value >> 8
    return value ^ 0xFFFFFFFF


def steps(place, arguments):
    """A log as that of a run of 2^20 steps, and what reads it."""
    n_steps, window = 1 << 20, arguments.window
    words = [word for it in [*SMALL, "train.steps=60", "train.window=5", "labels.per_class=1", "insight.every=1000"] for word in ("--set", it)]
    place.fixmatch("train", "quickstart", *words)
    run = next((place.folder / "runs").glob("2*"))
    old = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    first = [it for it in old if it["event"] in ("launched", "started")]
    first[-1]["steps"] = n_steps
    progress, evaluated = (next(it for it in old if it["event"] == event) for event in ("progress", "evaluated"))
    began, after, n = 1.7e9, 0, 0
    with (run / "events.jsonl").open("wb") as log:
        def write(event, **changed):
            nonlocal after, n
            n += 1
            body = json.dumps({key: value for key, value in (event | changed).items() if key != "seal"}, separators=(",", ":"))
            sealed = f'{body[:-1]},"seal":"{n}-{after:08x}-'.encode()
            after = crc32c(sealed)
            log.write(sealed + f'{after:08x}"}}\n'.encode())

        for event in first:
            write(event, time=began)
        for step in range(window, n_steps + 1, window):
            write(progress, time=began + step / 10, step=step, n_steps=window, loss=1 / step)
            if step % 1024 == 0:
                write(evaluated, time=began + step / 10, step=step)
        write({"time": began + n_steps / 10, "event": "finished", "step": n_steps})
    for name in ("events.seal", "insight.bin", "summary.json"):
        (run / name).unlink(missing_ok=True)
    print(f"| {n} events, {(run / 'events.jsonl').stat().st_size >> 20} MiB | seconds | of processors | MiB |\n|---|---|---|---|", flush=True)
    for what in (["show"], ["show", "--json"], ["attach", "--brief"], ["verify"], ["pseudo"], ["changes"], ["runs"], ["runs"],
                 ["export", "--csv", "curves.csv"], ["export", "--jsonl", "curves.jsonl"], ["export", "--tensorboard", "board"]):
        timed(place, f"`{' '.join(what)}`", *what)
    typed(place, "`attach`", ["attach", run], [("Tab", b"\t"), ("w", b"w"), ("+", b"+"), ("o", b"o"), ("End", b"G"), ("Esc", b"\x1b"), ("z", b"z")],
          b"finished")
    typed(place, "`fixmatch`", [], KEYS, b"quickstart-s1")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["memory", "pauses", "runs", "steps"])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--warm-up", type=float, default=10)
    parser.add_argument("--window", type=int)
    parser.add_argument("--number", type=int, default=10000)
    parser.add_argument("--programs", type=pathlib.Path, default=ROOT / "target/debug")
    arguments = parser.parse_args()
    arguments.window = arguments.window or (128 if arguments.what == "memory" else 32)
    with tempfile.TemporaryDirectory() as folder:
        {"memory": memory, "pauses": pauses, "runs": runs, "steps": steps}[arguments.what](Place(arguments.programs.resolve(), pathlib.Path(folder)), arguments)


if __name__ == "__main__":
    main()

"""Cuts SSH connections with a console inside, again and again, and looks at what is left.

    scripts/dropped.py --cuts 100

A sshd of its own listens on the loopback address. A worker trains; consoles are opened on its run through ssh and cut
off in five ways: the client is killed, the server's process is, the terminal around the client goes away, the network
resets the connection, at once or after some silence. After each cut the console has to be gone within some seconds, and the worker
has to train on, as the same process. At the end the run's log has to have every window once and be whole, and a console
has to show it. Prints a table in Markdown; the exit code is 1 if anything was left or lost. Without sshd it says so.
"""

import argparse
import collections
import getpass
import json
import os
import pathlib
import pty
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PATIENCE = 30
SETTINGS = ["train.steps=400000", "train.batch=4", "train.mu=1", "train.window=10", "train.lr=0.0001", "eval.every=1000",
            "checkpoint.every=500", "labels.per_class=1", "machine.device=cpu", "machine.threads=1", "machine.loaders=1"]
KINDS = ["client killed", "server killed", "terminal closed", "network resets", "network silent, then reset"]


class Network:
    """A way to a port that can reset its connections, or pass nothing more."""

    def __init__(self, to):
        self.to, self.is_silent, self.pairs = to, False, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", self.to))
            self.pairs.append((client, server))
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self.carry, args=(one, other), daemon=True).start()

    def carry(self, one, other):
        try:
            while data := one.recv(65536):
                while self.is_silent:
                    time.sleep(0.05)
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def reset(self):
        for pair in self.pairs:
            for end in pair:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                # a thread that reads it would keep it open
                end.shutdown(socket.SHUT_RD) if end.fileno() >= 0 else None
                end.close()


class Server:
    """A sshd of this user on the loopback address."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
        shutil.copy(folder / "user.pub", folder / "authorized")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        (folder / "config").write_text(
            f"ListenAddress 127.0.0.1\nPort {self.port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\n"
            "StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\nPermitUserEnvironment no\n"
            "ClientAliveInterval 1\nClientAliveCountMax 3\nMaxStartups 100\nPidFile none\n")
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        self.log = (folder / "sshd.log").open("w")
        self.process = subprocess.Popen([shutil.which("sshd") or "/usr/sbin/sshd", "-D", "-e", "-f", folder / "config"],
                                        stderr=self.log)
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        sys.exit(f"sshd does not listen:\n{(folder / 'sshd.log').read_text()}")

    def open(self, command, port):
        """A terminal with a client in it: its process and the other end of the terminal."""
        client = ["ssh", "-tt", "-F", "none", "-p", str(port), "-i", str(self.folder / "user"), "-o", "StrictHostKeyChecking=no",
                  "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", f"{getpass.getuser()}@127.0.0.1", command]
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ["TERM"] = "xterm-256color"
            os.execvp(client[0], client)
        import fcntl, termios
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        return pid, terminal


def read(terminal, n_bytes, seconds):
    """What is drawn until there are so many bytes."""
    text, deadline = b"", time.monotonic() + seconds
    while len(text) < n_bytes and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                text += os.read(terminal, 65536)
            except OSError:
                break
    return text


def processes(*words):
    """Processes whose command holds all of these."""
    found = []
    for path in pathlib.Path("/proc").iterdir():
        if path.name.isdigit() and int(path.name) != os.getpid():
            try:
                command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                is_zombie = (path / "stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
            except OSError:
                continue
            if not is_zombie and all(word in command for word in words):
                found.append(int(path.name))
    return found


def parent_of(pid):
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def until(what, is_so):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if value := is_so():
            return value
        time.sleep(0.05)
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cuts", type=int, default=100)
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "target/debug/fixmatch")
    arguments = parser.parse_args()
    if not (shutil.which("sshd") or pathlib.Path("/usr/sbin/sshd").exists()) or not shutil.which("ssh"):
        sys.exit("skipped: there is no sshd and ssh here")
    program = arguments.program.resolve()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "ssh").mkdir(mode=0o700)
        own = {"FIXMATCH_RUNS": folder / "runs", "FIXMATCH_STATE": folder / "state", "FIXMATCH_CACHE": folder / "cache",
               "FIXMATCH_CONFIG": folder / "none.toml", "LANG": "C.UTF-8"}
        environment = os.environ | {name: str(path) for name, path in own.items()}
        if "FIXMATCH_WORKER" in os.environ:
            own["FIXMATCH_WORKER"] = os.environ["FIXMATCH_WORKER"]

        def fixmatch(*words):
            done = subprocess.run([program, *words], env=environment, capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"{words}: {done.stdout}{done.stderr}")
            return done.stdout

        fixmatch("train", "quickstart", *[word for it in SETTINGS for word in ("--set", it)], "--detach")
        run = json.loads(fixmatch("show", "--json"))["path"]
        step = lambda: json.loads(fixmatch("show", run, "--json"))["step"]
        until("it trains", lambda: step() > 0)
        worker = processes("fixmatch-worker run", run)
        server = Server(folder / "ssh")
        command = " ".join(f"{name}={value}" for name, value in own.items()) + f" {program} attach {run}"
        seen, slowest, failures = collections.defaultdict(collections.Counter), collections.Counter(), 0
        for n in range(arguments.cuts):
            kind = KINDS[n % len(KINDS)]
            network = Network(server.port)
            client, terminal = server.open(f"env {command}", network.port)
            drawn = read(terminal, 1500, PATIENCE)
            consoles = processes(" attach ", run, str(program))
            consoles = [pid for pid in consoles if os.readlink(f"/proc/{pid}/exe") == str(program)]
            if len(consoles) != 1:
                print(f"cut {n}: {len(consoles)} consoles; {drawn[-300:]!r}", file=sys.stderr)
                failures += 1
            before, began = step(), time.monotonic()
            if kind == "client killed":
                os.kill(client, signal.SIGKILL)
            elif kind == "server killed":
                for pid in consoles:
                    shell = pid
                    while shell > 1 and "sshd" not in pathlib.Path(f"/proc/{shell}/cmdline").read_text():
                        shell = parent_of(shell)
                    os.kill(shell, signal.SIGKILL)
            elif kind == "terminal closed":
                os.close(terminal)
                terminal = None
            elif kind == "network resets":
                network.reset()
            else:
                network.is_silent = True
                time.sleep(2)
                network.reset()
            gone = until("the console is gone", lambda: not [pid for pid in consoles if pathlib.Path(f"/proc/{pid}").exists()])
            took = time.monotonic() - began
            trains = until("it trains on", lambda: step() > before)
            same = processes("fixmatch-worker run", run) == worker
            found = "console left" if not gone else "worker gone" if not same else "worker stands" if not trains else "clean"
            seen[kind]["cuts"] += 1
            seen[kind][found] += 1
            slowest[kind] = max(slowest[kind], took)
            if found != "clean":
                failures += 1
                print(f"cut {n}, {kind}: {found}", file=sys.stderr)
            if terminal is not None:
                os.close(terminal)
            try:
                os.kill(client, signal.SIGKILL)
            except ProcessLookupError:
                pass
            os.waitpid(client, 0)
            network.listener.close()
        left = [pid for pid in processes(" attach ", run) if pid not in worker]
        client, terminal = server.open(f"env {command}", server.port)
        drawn = read(terminal, 3000, PATIENCE).decode(errors="replace")
        os.write(terminal, b"q")
        rest = read(terminal, 1 << 20, 3)
        is_shown = "quickstart" in drawn and "panicked" not in drawn
        os.kill(client, signal.SIGKILL)
        os.waitpid(client, 0)
        fixmatch("stop", run)
        steps = [json.loads(line)["step"] for line in fixmatch("watch", run, "--json", "--all").splitlines()
                 if '"event":"progress"' in line]
        window = int(next(it for it in SETTINGS if "window" in it).split("=")[1])
        is_gapless = steps == list(range(window, window * (len(steps)) + 1, window)) or (
            steps[:-1] == list(range(window, window * len(steps), window)))
        fixmatch("verify", run)
        server.process.terminate()
        server.process.wait()
        print("| cut | times | clean | longest until the console was gone |\n|---|---|---|---|")
        for kind, row in seen.items():
            print(f"| {kind} | {row['cuts']} | {row['clean']} | {slowest[kind]:.1f} s |")
        print(f"\n{len(steps)} windows in the log, {'none' if is_gapless else 'SOME'} missing; processes left: {len(left)}; "
              f"a console at the end {'shows the run' if is_shown else 'SHOWS NOTHING'}")
        sys.exit(1 if failures or left or not is_gapless or not is_shown else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Measures bgfetch against curl (and aria2c, if it is there) on this machine.

    cargo build --release --features cli && python3 scripts/compare.py [--mib 2048] [--runs 5]

An nginx on loopback (apt-get install nginx-light) serves one random file. The
programs fetch it in turn; each of them then has the whole file in the same
directory. bgfetch has flushed it to the disk when it ends, the others leave
that to the operating system. Then bgfetch is killed with SIGKILL three times
in the middle, and the file that the fourth run ends with is checked.
"""

import argparse
import hashlib
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--mib", type=int, default=2048)
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--bgfetch", default=default_binary())
    options = arguments.parse_args()
    for program, package in [("nginx", "nginx-light"), ("curl", "curl")]:
        if shutil.which(program) is None:
            sys.exit(f"{program} is missing: apt-get install {package}")
    if not Path(options.bgfetch).exists():
        sys.exit(f"{options.bgfetch} is missing: cargo build --release --features cli")
    with tempfile.TemporaryDirectory(prefix="compare-") as directory:
        measure(Path(directory), options)


def default_binary():
    target = os.environ.get("CARGO_TARGET_DIR", ROOT / "target")
    return str(Path(target) / "release" / "bgfetch")


def measure(directory, options):
    digest = make_file(directory / "www" / "file", options.mib)
    port = free_port()
    url = f"http://127.0.0.1:{port}/file"
    nginx = start_nginx(directory, port)
    try:
        race(directory, url, options)
        killed_three_times(directory, url, options, digest)
    finally:
        nginx.terminate()
        nginx.wait()


def make_file(path, mib):
    path.parent.mkdir()
    digest = hashlib.sha256()
    with open(path, "wb") as file:
        for _ in range(mib):
            block = os.urandom(1 << 20)
            digest.update(block)
            file.write(block)
    os.sync()
    return digest.hexdigest()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_nginx(directory, port):
    configuration = directory / "nginx.conf"
    # The workers are nobody's; they have to get into the directory.
    directory.chmod(0o755)
    configuration.write_text(
        f"daemon off; worker_processes 1; pid {directory}/pid;"
        f"error_log {directory}/error.log; events {{}}"
        f"http {{ access_log off; sendfile on; server {{"
        f"listen 127.0.0.1:{port}; root {directory}/www; }} }}"
    )
    command = ["nginx", "-c", str(configuration), "-e", f"{directory}/error.log"]
    nginx = subprocess.Popen(command)
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return nginx
        except OSError:
            time.sleep(0.05)
    sys.exit("nginx does not start")


def race(directory, url, options):
    out = directory / "out"
    commands = {
        "bgfetch": bgfetch(directory, url, options),
        "curl": ["curl", "-s", "-o", str(out / "file"), url],
    }
    if shutil.which("aria2c"):
        commands["aria2c"] = ["aria2c", "-q", "-d", str(out), url]
    figures = {name: [] for name in commands}
    # The first round warms up and does not count.
    for counted in [False] + [True] * options.runs:
        for name, command in commands.items():
            seconds, peak = timed(command, out)
            clear(directory)
            if counted:
                figures[name].append((seconds, peak))
    print(f"{options.mib} MiB from nginx on loopback, {options.runs} runs in turn:")
    for name, runs in figures.items():
        seconds = [run[0] for run in runs]
        ratios = [a / b for (a, _), (b, _) in zip(runs, figures["curl"])]
        print(
            f"  {name:8} median {statistics.median(seconds):5.2f} s"
            f" ({min(seconds):.2f} to {max(seconds):.2f}),"
            f" {statistics.median(ratios):.2f} x curl,"
            f" peak memory {max(run[1] for run in runs) / 1024:.0f} MiB"
        )


def bgfetch(directory, url, options, *more):
    return [
        options.bgfetch, "get", "--store", str(directory / "store"),
        "--out", str(directory / "out"), *(more or ["--quiet"]), url,
    ]  # fmt: skip


def timed(command, out):
    out.mkdir(exist_ok=True)
    begin = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command[0]} failed with {process.returncode}")
    return time.monotonic() - begin, usage.ru_maxrss


def clear(directory):
    for name in ["out", "store"]:
        shutil.rmtree(directory / name, ignore_errors=True)
    os.sync()


def killed_three_times(directory, url, options, digest):
    command = bgfetch(directory, url, options, "--json")
    total = options.mib << 20
    peak = 0
    for part in [0.25, 0.5, 0.75]:
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        stored = 0
        for line in process.stdout:
            stored = json.loads(line)["downloaded"]
            if stored >= total * part:
                break
        process.send_signal(signal.SIGKILL)
        process.stdout.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != -signal.SIGKILL:
            sys.exit("bgfetch was faster than its killer: take a larger --mib")
        peak = max(peak, usage.ru_maxrss)
        print(f"  killed with {stored >> 20} of {options.mib} MiB")
    _, last_peak = timed(command, directory / "out")
    peak = max(peak, last_peak)
    found = hashlib.sha256()
    with open(directory / "out" / "file", "rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    if found.hexdigest() != digest:
        sys.exit("the file is NOT what the server has")
    print(f"  then whole, with the right SHA-256; peak memory {peak >> 10} MiB")


if __name__ == "__main__":
    main()

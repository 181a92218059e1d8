#!/usr/bin/env python3
"""What curl, aria2, wget2, wget and bgfetch do when something goes wrong.

    cargo build --release && python3 scripts/peers.py [--bgfetch FILE] [CASE…]

Each case has a server of its own on 127.0.0.1, each command a directory of its
own. The server counts the bytes that it sends, and the files are compared with
what it has: nothing of the printed table is taken from a manual. It is the one
in docs/command-line.md. Tools that are not installed have no column.

    apt-get install curl aria2 wget wget2

The case of the full disk mounts a small tmpfs, and so wants root.
"""

import argparse
import http.server
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MIB = 1024 * 1024
SIZE = 8 * MIB
RATE = 3 * MIB  # bytes a second
CHUNK = 64 * 1024
SECONDS = 60
PORTAL = b"<html><title>Welcome to the hotel</title>Log in, please.</html>\n"
DATE = "Tue, 04 Nov 2025 10:00:00 GMT"
LATER = "Wed, 05 Nov 2025 10:00:00 GMT"

# As people use them who want a file to arrive. `-C -` and `-c` continue.
TOOLS = {
    "bgfetch": "bgfetch get",
    "curl": "curl -fsSL --retry 5 --retry-all-errors -C - --remote-name-all",
    "aria2": "aria2c -q -c -Z -m 5 --retry-wait 1 --allow-overwrite --auto-save-interval 1",
    "wget2": "wget2 -q -c --tries 5",
    "wget": "wget -q -c --tries 5 --retry-on-http-error 503",
}
PROGRAMS = {"aria2": "aria2c"}


def content(seed, size=SIZE):
    return random.Random(seed).randbytes(size)


# -- the server ---------------------------------------------------------------


class Answers:
    """What a server has, how it behaves, and what it has sent."""

    def __init__(self, files, validators=None):
        self.files = files
        self.validators = validators or {"ETag": '"1"', "Last-Modified": DATE}
        self.script = []  # functions of a handler, for one GET each
        self.rate = RATE
        self.headers = {}
        self.lock = threading.Lock()
        self.sent = 0
        self.gets = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                with outer.lock:
                    outer.gets += 1
                    act = outer.script.pop(0) if outer.script else usual
                act(outer, self)

            def do_HEAD(self):
                usual(outer, self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_):
                pass  # a client that was killed

        self.make = lambda port: Server(("127.0.0.1", port), Handler)
        self.server = self.make(0)
        self.port = self.server.server_address[1]
        self.serve()

    def serve(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def go_away(self):
        self.server.shutdown()
        self.server.server_close()

    def come_back(self):
        self.server = self.make(self.port)
        self.serve()

    def url(self, name="file"):
        return f"http://127.0.0.1:{self.port}/{name}"

    def count(self):
        with self.lock:
            sent, self.sent = self.sent, 0
            return sent


def head(handler, status, headers):
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()


def page(status, text, **headers):
    """An answer that is not the file."""

    def act(answers, handler):
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        head(
            handler,
            status,
            {"Content-Type": "text/html", "Content-Length": len(text), **more},
        )
        handler.wfile.write(text)
        with answers.lock:
            answers.sent += len(text)

    return act


def usual(answers, handler, cut=None):
    """The file, or the part of it that is asked for; up to `cut` of the file."""
    name = handler.path.split("?")[0].rsplit("/", 1)[-1]
    data = answers.files.get(name)
    if data is None:
        return page(404, b"not here\n")(answers, handler)
    same = answers.validators
    asked = handler.headers
    tag, date = same.get("ETag"), same.get("Last-Modified")
    is_same = (tag and asked.get("If-None-Match") == tag) or (
        "If-None-Match" not in asked
        and date
        and asked.get("If-Modified-Since") == date
    )
    if is_same:
        return head(handler, 304, same)
    first, last, status = 0, len(data) - 1, 200
    ranges = asked.get("Range")
    condition = asked.get("If-Range")
    if ranges and condition in (None, tag, date):
        begin, end = ranges.removeprefix("bytes=").split("-")[:2]
        first = int(begin or 0)
        last = min(last, int(end)) if end else last
        if first >= len(data):
            return head(
                handler,
                416,
                {"Content-Range": f"bytes */{len(data)}", "Content-Length": 0},
            )
        status = 206
    headers = {
        "Content-Length": last + 1 - first,
        "Accept-Ranges": "bytes",
        **same,
        **answers.headers,
    }
    if status == 206:
        headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
    head(handler, status, headers)
    if handler.command == "HEAD":
        return
    at = first
    while at <= last:
        end = min(at + CHUNK, last + 1)
        if cut is not None:
            end = min(end, cut)
            if at >= end:
                handler.close_connection = True
                return
        handler.wfile.write(data[at:end])
        with answers.lock:
            answers.sent += end - at
        at = end
        if answers.rate:
            time.sleep(CHUNK / answers.rate)


def cut_at(share):
    return lambda answers, handler: usual(answers, handler, int(SIZE * share))


# -- commands -----------------------------------------------------------------


class Place:
    """A directory for one tool in one case."""

    def __init__(self, tool, program, directory):
        self.tool = tool
        self.program = program
        self.directory = directory
        self.commands = []

    def start(self, *arguments, options=()):
        words = TOOLS[self.tool].split()
        shown = [*words, *options, *arguments]
        if not self.commands or self.commands[-1] != shown:
            self.commands.append(shown)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory / "home"),
            "XDG_DATA_HOME": str(self.directory / "home"),
        }
        self.out = self.directory / "files"
        self.out.mkdir(exist_ok=True)
        return subprocess.Popen(
            [self.program, *words[1:], *options, *arguments],
            cwd=self.out,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def run(self, *arguments, options=()):
        process = self.start(*arguments, options=options)
        try:
            return process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return "none in 60 s"

    def killed(self, answers, *arguments, options=()):
        """The command, killed when about half was sent."""
        process = self.start(*arguments, options=options)
        deadline = time.monotonic() + SECONDS
        while answers.sent < SIZE // 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        time.sleep(0.2)  # what is on the way is not this one's
        answers.count()

    def file(self, name="file"):
        path = self.out / name
        is_part = (self.out / f"{name}.aria2").exists()
        return path.read_bytes() if path.exists() and not is_part else None


def mib(count):
    return f"{count / MIB:.1f} MiB"


def verdict(found, right, old=None):
    """What a file is."""
    if found is None:
        return "no file"
    if found == right:
        return "right"
    if found == old:
        return "the old one"
    if found.startswith(PORTAL[:20]):
        return "**the page, as the file**"
    if PORTAL[:20] in found:
        return "**the page in the file**"
    if old and len(found) == len(right) and found[:1000] == old[:1000]:
        return "**two versions mixed**"
    if right.startswith(found):
        return f"a part, {mib(len(found))}"
    return "**wrong bytes**"


# -- cases --------------------------------------------------------------------
# Each returns what came of it, in a few words.

CASES = {}


def case(title):
    def add(function):
        CASES[function.__name__] = (title, function)
        return function

    return add


@case("killed (`-9`) at half, same command again: sent again of 4 MiB missing")
def kill(place):
    data = content(1)
    answers = Answers({"file": data})
    place.killed(answers, answers.url())
    status = place.run(answers.url())
    return f"{verdict(place.file(), data)}, {mib(answers.count())}, exit {status}"


@case("cut at 90 %, then 503 twice: sent after that of 0.8 MiB missing")
def busy(place):
    data = content(2)
    answers = Answers({"file": data})
    answers.script = [cut_at(0.9)] + [page(503, b"later\n", Retry_After="1")] * 2
    status = place.run(answers.url())
    again = max(0, answers.count() - int(SIZE * 0.9))
    return f"{verdict(place.file(), data)}, {mib(again)}, exit {status}"


@case("the server is away for 3 s at half")
def away(place):
    data = content(3)
    answers = Answers({"file": data})
    answers.script = [cut_at(0.5)]
    process = place.start(answers.url())
    deadline = time.monotonic() + SECONDS
    while answers.sent < SIZE // 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    answers.go_away()
    time.sleep(3)
    answers.come_back()
    try:
        status = process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        status = "none in 60 s"
    again = max(0, answers.count() - SIZE // 2)
    return f"{verdict(place.file(), data)}, {mib(again)} after, exit {status}"


def changed(place, old_validators, new_validators):
    old, new = content(4), content(5)
    answers = Answers({"file": old}, old_validators)
    place.killed(answers, answers.url())
    answers.files = {"file": new}
    answers.validators = new_validators
    status = place.run(answers.url())
    return f"{verdict(place.file(), new, old)}, exit {status}"


@case("killed, the file has changed (another strong `ETag`, same length)")
def changed_etag(place):
    return changed(place, {"ETag": '"1"'}, {"ETag": '"2"'})


@case("the same with `Last-Modified` only")
def changed_date(place):
    return changed(place, {"Last-Modified": DATE}, {"Last-Modified": LATER})


@case("killed, then a captive portal (200 with HTML) once, then the server")
def portal(place):
    data = content(6)
    answers = Answers({"file": data})
    place.killed(answers, answers.url())
    answers.script = [page(200, PORTAL)]
    status = place.run(answers.url())
    second = verdict(place.file(), data)
    if second == "right":
        return f"right, exit {status}"
    third = place.run(answers.url())
    return (
        f"{second}, exit {status}; once more: "
        f"{verdict(place.file(), data)}, exit {third}"
    )


@case("the disk is full at 6 of 8 MiB; room is made, same command again")
def full_disk(place):
    data = content(7)
    disk = place.directory / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        return None
    inside = Place(place.tool, place.program, disk)
    inside.commands = place.commands
    try:
        answers = Answers({"file": data})
        first = inside.run(answers.url())
        answers.count()
        more = ["mount", "-o", "remount,size=64m", str(disk)]
        subprocess.run(more, check=True)
        status = inside.run(answers.url())
        found = verdict(inside.file(), data)
        return f"exit {first}; then {found}, {mib(answers.count())} sent, exit {status}"
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@case("one of three files is missing")
def missing(place):
    a, b = content(8, MIB), content(9, MIB)
    answers = Answers({"a": a, "b": b})
    urls = [answers.url(name) for name in ("a", "missing", "b")]
    status = place.run(*urls)
    saved = [n for n, data in (("a", a), ("b", b)) if place.file(n) == data]
    page_saved = place.file("missing") is not None
    extra = ", **and the page of the error**" if page_saved else ""
    return f"{len(saved)} of 2 saved{extra}, exit {status}"


@case("the file has another digest than the one that is given")
def digest(place):
    wrong = "0" * 64
    options = {
        "bgfetch": ("--checksum", f"sha256={wrong}"),
        "aria2": (f"--checksum=sha-256={wrong}",),
    }.get(place.tool)
    if options is None:
        return "no option"
    answers = Answers({"file": content(10, MIB)})
    status = place.run(answers.url(), options=options)
    found = place.file()
    aside = place.file("file.bad") is not None
    kept = "kept as `file.bad`" if aside else ""
    kept = kept or ("no file" if found is None else "**the wrong file is there**")
    return f"{kept}, exit {status}"


@case("the server sends a digest (`Repr-Digest`) that the file does not have")
def sent_digest(place):
    answers = Answers({"file": content(11, MIB)})
    zeros = "A" * 43 + "="
    answers.headers = {"Repr-Digest": f"sha-256=:{zeros}:"}
    status = place.run(answers.url())
    aside = place.file("file.bad") is not None
    found = "kept as `file.bad`" if aside else "saved"
    return f"{found}, exit {status}"


@case("the same command when everything is there and has not changed")
def unchanged(place):
    data = content(12)
    answers = Answers({"file": data})
    place.run(answers.url())
    answers.count()
    status = place.run(answers.url())
    return f"{verdict(place.file(), data)}, {mib(answers.count())} sent, exit {status}"


@case("the same when a newer version, one byte longer, is there")
def newer(place):
    old = content(13)
    new = content(14) + b"x"
    answers = Answers({"file": old})
    place.run(answers.url())
    answers.files = {"file": new}
    answers.validators = {"ETag": '"2"', "Last-Modified": LATER}
    status = place.run(answers.url())
    return f"{verdict(place.file(), new, old)}, exit {status}"


@case("two files of the same name from two paths")
def same_name(place):
    one, two = content(15, MIB), content(16, MIB)
    answers = Answers({"file": one, "other": two})
    usual_file = usual

    def by_path(answers, handler):
        if handler.path.startswith("/b/"):
            handler.path = "/other"
        usual_file(answers, handler)

    answers.script = [by_path] * 20
    status = place.run(answers.url("a/file"), answers.url("b/file"))
    found = [p.read_bytes() for p in place.out.iterdir() if p.is_file()]
    both = sum(data in found for data in (one, two))
    return f"{both} of 2 saved, exit {status}"


@case("the server gives each connection 2 MiB/s: time for 8 MiB, up to 4 connections")
def segments(place):
    options = {
        "bgfetch": ("--split", "4", "--min-split-size", "1M"),
        "aria2": ("-x4", "-s4", "-k1M"),
        "wget2": ("--max-threads=4", "--chunk-size=2M"),
    }.get(place.tool, ())
    data = content(17)
    answers = Answers({"file": data})
    answers.rate = 2 * MIB
    begin = time.monotonic()
    status = place.run(answers.url(), options=options)
    if status == 2 and place.tool == "bgfetch":
        return "no option"
    if not isinstance(status, int):
        return status
    took = time.monotonic() - begin
    return f"{verdict(place.file(), data)}, {took:.1f} s"


@case("a file of 1 KiB, with start and end of the program (best of 10)")
def small(place):
    data = content(18, 1024)
    answers = Answers({"file": data})
    times = []
    for index in range(10):
        begin = time.monotonic()
        place.run(answers.url(f"{index}/file"))
        times.append(time.monotonic() - begin)
        (place.out / "file").unlink(missing_ok=True)
    del place.commands[1:]
    return f"{min(times) * 1000:.0f} ms"


# -- the table ----------------------------------------------------------------


def version(program):
    said = subprocess.run(
        [program, "--version"], capture_output=True, text=True, check=True
    ).stdout
    words = said.split()
    is_number = lambda word: any(c.isdigit() for c in word) and "." in word
    return next(word for word in words if is_number(word))


def as_shown(command):
    """A command, with any port."""
    words = []
    for word in command:
        if word.startswith("http://127.0.0.1:"):
            word = "http://HOST/" + word.split("/", 3)[3]
        words.append(word)
    return shlex.join(words)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bgfetch", default=ROOT / "target/release/bgfetch")
    parser.add_argument("cases", nargs="*", metavar="CASE", choices=[[], *CASES])
    arguments = parser.parse_args()
    programs = {"bgfetch": str(Path(arguments.bgfetch).resolve())}
    for tool in list(TOOLS)[1:]:
        found = shutil.which(PROGRAMS.get(tool, tool))
        if found:
            programs[tool] = found
    chosen = arguments.cases or list(CASES)
    titles = [
        f"{tool} {version(program)}" if tool != "bgfetch" else "bgfetch"
        for tool, program in programs.items()
    ]
    print("| what happens |", " | ".join(titles), "|")
    print("| --- |" + " --- |" * len(titles))
    commands = []
    for name in chosen:
        title, function = CASES[name]
        cells = []
        for tool, program in programs.items():
            with tempfile.TemporaryDirectory() as directory:
                place = Place(tool, program, Path(directory))
                said = function(place)
                cells.append("not tried" if said is None else said)
                for command in place.commands:
                    commands.append((title, tool, as_shown(command)))
        print(f"| {title} |", " | ".join(cells), "|", flush=True)
    print("\n<details><summary>The command of each cell</summary>\n")
    print("| what happens | tool | command |\n| --- | --- | --- |")
    last = None
    for title, tool, command in commands:
        print(f"| {title if title != last else ''} | {tool} | `{command}` |")
        last = title
    print("\n</details>")


if __name__ == "__main__":
    sys.exit(main())

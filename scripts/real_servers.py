#!/usr/bin/env python3
"""Downloads from real servers that are killed, reloaded and changed meanwhile.

    cargo build --features cli && python3 scripts/real_servers.py [--bgfetch FILE] [SERVER…]

Every server listens on 127.0.0.1 and serves one random file, limited by
bgfetch's own --limit-rate so that there is a middle. It prints the table of
docs/network-faults.md, and ends with 1 when a row is not what it has to be.
A server that is not installed is said to be missing, and is no row.

    apt-get install nginx-light apache2 caddy haproxy lighttpd nodejs openssl \
      curl
    pip install aiohttp       (any Python: --python FILE names it)
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MIB = 1024 * 1024
SIZE = 24 * MIB
LIMIT = "16M"
SECONDS = 60


# -- what a server is ---------------------------------------------------------


class Server:
    """One server in a directory of its own: `www/file` is what it serves."""

    name = ""
    program = ""
    tls = False

    def __init__(self, directory, options):
        self.directory = directory
        self.options = options
        self.port = free_port()
        self.ports = [self.port]
        self.processes = []

    def url(self):
        scheme = "https" if self.tls else "http"
        host = "localhost" if self.tls else "127.0.0.1"
        return f"{scheme}://{host}:{self.port}/file"

    def missing(self):
        return None if shutil.which(self.program) else self.program

    def configure(self):
        """Writes the configuration."""

    def commands(self):
        """Each process that has to run, in order."""
        raise NotImplementedError

    def start(self):
        self.configure()
        log = open(self.directory / "server.log", "ab")
        for command in self.commands():
            self.processes.append(
                subprocess.Popen(
                    command, stdout=log, stderr=log, cwd=self.directory,
                    start_new_session=True,
                )
            )
        for port in self.ports:
            wait_for_port(port, self.directory / "server.log")

    def version(self):
        """What it says of the file, and how the file begins."""
        command = ["curl", "-ski", "--noproxy", "*", self.url()]
        answer = subprocess.run(command, capture_output=True, check=True).stdout
        head, body = answer.split(b"\r\n\r\n", 1)
        names = (b"etag:", b"last-modified:")
        lines = head.lower().split(b"\r\n")
        return [line for line in lines if line.startswith(names)], body[:64]

    def serves_another(self, old):
        """Waits until both are others: some keep what they know of a file."""
        until = time.monotonic() + 10
        while time.monotonic() < until:
            says, begins = self.version()
            if says != old[0] and begins != old[1]:
                return True
            time.sleep(0.1)
        return False

    def crash(self):
        """What serves the request dies without a word, and is there again."""
        self.stop(signal.SIGKILL)
        self.start()

    def reload(self):
        """As an operator does it; None when the server has no such thing."""
        return None

    def stop(self, number=signal.SIGTERM):
        for process in reversed(self.processes):
            try:
                os.killpg(process.pid, number)
            except ProcessLookupError:
                pass
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.processes = []


class Nginx(Server):
    program = "nginx"
    more = ""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.name = "nginx, HTTP/1.1"

    def listen(self):
        return f"listen 127.0.0.1:{self.port};"

    def configure(self):
        (self.directory / "nginx.conf").write_text(
            f"""
            daemon off; user root; worker_processes 1;
            pid {self.directory}/nginx.pid; error_log {self.directory}/error.log;
            events {{ worker_connections 256; }}
            http {{
              access_log off; client_body_temp_path {self.directory}/t1;
              proxy_temp_path {self.directory}/t2;
              fastcgi_temp_path {self.directory}/t3;
              uwsgi_temp_path {self.directory}/t4;
              scgi_temp_path {self.directory}/t5;
              default_type application/octet-stream;
              server {{ {self.listen()} {self.more}
                root {self.directory}/www; }}
            }}"""
        )

    def commands(self):
        return [["nginx", "-c", str(self.directory / "nginx.conf")]]

    def crash(self):
        """Only the worker: the master starts another."""
        master = self.processes[0].pid
        children = Path(f"/proc/{master}/task/{master}/children").read_text()
        for child in children.split():
            os.kill(int(child), signal.SIGKILL)

    def reload(self):
        os.kill(self.processes[0].pid, signal.SIGHUP)
        return True


class NginxNoEtag(Nginx):
    more = "etag off;"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.name = "nginx, `etag off`"


class NginxGzip(Nginx):
    more = "gzip on; gzip_types *; gzip_min_length 1;"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.name = "nginx, gzip"


class NginxHttp2(Nginx):
    tls = True

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.name = "nginx, HTTP/2"

    def listen(self):
        key, certificate = self.options.key, self.options.certificate
        return (
            f"listen 127.0.0.1:{self.port} ssl http2; "
            f"ssl_certificate {certificate}; ssl_certificate_key {key};"
        )


class NginxFewRequests(NginxHttp2):
    more = "keepalive_requests 3;"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.name = "nginx, HTTP/2, `keepalive_requests 3`"


class Haproxy(Nginx):
    """HTTP/2 in front, an nginx behind it: it is the nginx that breaks."""

    tls = True

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.name = "HAProxy, HTTP/2, before nginx"
        self.backend = free_port()
        self.ports = [self.backend, self.port]

    def missing(self):
        return super().missing() or (
            None if shutil.which("haproxy") else "haproxy"
        )

    def listen(self):
        return f"listen 127.0.0.1:{self.backend};"

    def configure(self):
        super().configure()
        (self.directory / "haproxy.cfg").write_text(
            f"""
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend f
  bind 127.0.0.1:{self.port} ssl crt {self.options.both} alpn h2,http/1.1
  default_backend b
backend b
  server s 127.0.0.1:{self.backend}
"""
        )

    def commands(self):
        proxy = ["haproxy", "-db", "-f", str(self.directory / "haproxy.cfg")]
        return [*super().commands(), proxy]


class Apache(Server):
    program = "apache2"
    modules = "/usr/lib/apache2/modules"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.name = "Apache, HTTP/1.1"

    def configure(self):
        (self.directory / "apache.conf").write_text(
            f"""
LoadModule mpm_event_module {self.modules}/mod_mpm_event.so
LoadModule authz_core_module {self.modules}/mod_authz_core.so
ServerName localhost
Listen 127.0.0.1:{self.port}
PidFile {self.directory}/apache.pid
ErrorLog {self.directory}/error.log
DocumentRoot {self.directory}/www
<Directory {self.directory}/www>
  Require all granted
</Directory>
"""
        )

    def commands(self):
        conf = str(self.directory / "apache.conf")
        return [["apache2", "-d", str(self.directory), "-f", conf, "-DFOREGROUND"]]

    def reload(self):
        os.kill(self.processes[0].pid, signal.SIGUSR1)
        return True


class Caddy(Server):
    program = "caddy"
    tls = True

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.name = "Caddy, HTTP/2"

    def configure(self):
        key, certificate = self.options.key, self.options.certificate
        (self.directory / "Caddyfile").write_text(
            f"""
{{
  admin off
  auto_https off
  skip_install_trust
  storage file_system {self.directory}/caddy
}}
https://localhost:{self.port} {{
  bind 127.0.0.1
  tls {certificate} {key}
  root * {self.directory}/www
  file_server
}}
"""
        )

    def commands(self):
        conf = str(self.directory / "Caddyfile")
        return [["caddy", "run", "--adapter", "caddyfile", "--config", conf]]


class Lighttpd(Server):
    program = "lighttpd"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.name = "lighttpd, HTTP/1.1"

    def configure(self):
        (self.directory / "lighttpd.conf").write_text(
            f"""
server.document-root = "{self.directory}/www"
server.bind = "127.0.0.1"
server.port = {self.port}
server.errorlog = "{self.directory}/error.log"
# Without a type of its own a file gets no validators.
mimetype.assign = ("" => "application/x-file")
"""
        )

    def commands(self):
        conf = str(self.directory / "lighttpd.conf")
        return [["lighttpd", "-D", "-f", conf]]


class Node(Server):
    """Node's own http2, with as little around it as serves a range."""

    program = "node"
    tls = True

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.name = "Node `http2`"

    def configure(self):
        key, certificate = self.options.key, self.options.certificate
        (self.directory / "server.js").write_text(
            f"""
const fs = require("fs");
const http2 = require("http2");
const server = http2.createSecureServer({{
  key: fs.readFileSync("{key}"), cert: fs.readFileSync("{certificate}") }});
const path = "{self.directory}/www/file";
server.on("stream", (stream, headers) => {{
  const {{ size, mtimeMs }} = fs.statSync(path);
  const etag = `"${{size.toString(16)}}-${{Math.floor(mtimeMs).toString(16)}}"`;
  const range = /^bytes=(\\d+)-$/.exec(headers.range ?? "");
  const condition = headers["if-range"];
  const start = range && (!condition || condition === etag) ? +range[1] : 0;
  const head = {{ ":status": start ? 206 : 200, etag,
    "content-length": size - start, "accept-ranges": "bytes" }};
  if (start) head["content-range"] = `bytes ${{start}}-${{size - 1}}/${{size}}`;
  stream.respond(head);
  const file = fs.createReadStream(path, {{ start }});
  file.pipe(stream);
  stream.on("error", () => file.destroy());
  stream.on("close", () => file.destroy());
  process.on("SIGUSR2", () => {{ file.destroy(); stream.destroy(); }});
}});
server.listen({self.port}, "127.0.0.1");
"""
        )

    def commands(self):
        return [["node", str(self.directory / "server.js")]]

    def crash(self):
        """As `res.destroy()` does it: the stream ends with NO_ERROR."""
        os.kill(self.processes[0].pid, signal.SIGUSR2)


class Aiohttp(Server):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.name = "aiohttp"
        self.program = self.options.python

    def missing(self):
        tried = subprocess.run(
            [self.program, "-c", "import aiohttp"], capture_output=True
        )
        return "aiohttp" if tried.returncode else None

    def configure(self):
        (self.directory / "server.py").write_text(
            f"""
from aiohttp import web
app = web.Application()
app.router.add_static("/", "{self.directory}/www")
web.run_app(app, host="127.0.0.1", port={self.port}, print=None)
"""
        )

    def commands(self):
        return [[self.program, str(self.directory / "server.py")]]


SERVERS = [
    Nginx, NginxNoEtag, NginxGzip, NginxHttp2, NginxFewRequests, Haproxy,
    Apache, Caddy, Lighttpd, Node, Aiohttp,
]


# -- what is done to a download -------------------------------------------------


class Trial:
    """One download of one server's file."""

    def __init__(self, server, directory, options):
        self.server = server
        self.options = options
        self.store = directory / "store"
        self.out = directory / "out"
        self.body = content(options.seed, SIZE)
        self.put(self.body, 1_700_000_000)

    def put(self, body, time_of_change):
        file = self.server.directory / "www" / "file"
        file.parent.mkdir(exist_ok=True)
        new = file.with_name("new")
        new.write_bytes(body)
        os.utime(new, (time_of_change, time_of_change))
        new.rename(file)

    def get(self):
        command = [
            self.options.bgfetch, "get", self.server.url(), "--json",
            "--store", str(self.store), "--out", str(self.out),
            "--limit-rate", LIMIT,
        ]
        environment = dict(os.environ, SSL_CERT_FILE=self.options.authority)
        for name in list(environment):
            if name.lower().endswith("_proxy"):
                del environment[name]
        return Download(command, environment)

    def saved(self):
        file = self.out / "file"
        return file.read_bytes() if file.exists() else None

    def wrong(self, body, status):
        """What is wrong with the end, if anything is."""
        saved = self.saved()
        if status != 0:
            return f"exit {status}"
        if saved is None:
            return "nothing is saved"
        if saved != body:
            return "the old file" if saved == self.body else "WRONG BYTES"
        return None


class Download:
    def __init__(self, command, environment):
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )
        self.first = None
        self.downloaded = 0

    def until(self, part):
        """Waits until so much of the file is there. The first length that is
        told is where this download has begun."""
        while self.downloaded < part * SIZE:
            line = self.process.stdout.readline()
            if not line:
                return False
            self.hear(line)
        return True

    def hear(self, line):
        told = json.loads(line)
        if told.get("event") == "progress" and "downloaded" in told:
            self.downloaded = told["downloaded"]
            if self.first is None:
                self.first = self.downloaded

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        try:
            out, self.errors = self.process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            return "timeout"
        for line in out.splitlines():
            self.hear(line)
        return self.process.returncode


def killed(trial):
    first = trial.get()
    if not first.until(0.3):
        return f"ended early: {first.end()}"
    first.kill()
    second = trial.get()
    wrong = trial.wrong(trial.body, second.end())
    if wrong:
        return wrong
    if (second.first or 0) < 0.2 * SIZE:
        return "from byte 0"
    return "continued"


def replaced(trial):
    first = trial.get()
    if not first.until(0.3):
        return f"ended early: {first.end()}"
    first.kill()
    old = trial.server.version()
    new = content(trial.options.seed + 1, SIZE)
    trial.put(new, 1_700_000_100)
    if not trial.server.serves_another(old):
        return "the server keeps the old one"
    return trial.wrong(new, trial.get().end()) or "the new file"


def crashed(trial):
    download = trial.get()
    if not download.until(0.3):
        return f"ended early: {download.end()}"
    trial.server.crash()
    return trial.wrong(trial.body, download.end()) or "whole"


def reloaded(trial):
    download = trial.get()
    if not download.until(0.3):
        return f"ended early: {download.end()}"
    if trial.server.reload() is None:
        download.kill()
        return "-"
    return trial.wrong(trial.body, download.end()) or "whole"


TRIALS = [
    ("killed at 30 %, again", killed, {"continued"}),
    ("replaced while killed", replaced, {"the new file"}),
    ("what serves it dies", crashed, {"whole"}),
    ("reloaded", reloaded, {"whole", "-"}),
]


# -- the rest -------------------------------------------------------------------


def content(seed, size):
    return random.Random(seed).randbytes(size)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for_port(port, log):
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    sys.exit(f"nothing listens on {port}:\n{log.read_text()}")


def make_certificates(directory, options):
    def openssl(*arguments):
        subprocess.run(
            ["openssl", *arguments], cwd=directory, check=True,
            capture_output=True,
        )

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=authority")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem",
            "-out", "request.pem", "-subj", "/CN=localhost")
    (directory / "names").write_text("subjectAltName=DNS:localhost")
    openssl("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey",
            "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names",
            "-out", "certificate.pem")
    both = directory / "both.pem"
    both.write_text(
        (directory / "certificate.pem").read_text()
        + (directory / "key.pem").read_text()
    )
    options.key = directory / "key.pem"
    options.certificate = directory / "certificate.pem"
    options.both = both
    options.authority = str(directory / "ca.pem")


def tried(kind, trial, number, directory, options):
    place = directory / f"{kind.__name__}-{number}"
    (place / "www").mkdir(parents=True)
    server = kind(place, options)
    one = Trial(server, place, options)
    server.start()
    try:
        return trial(one)
    finally:
        server.stop()
        shutil.rmtree(place, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    target = os.environ.get("CARGO_TARGET_DIR", ROOT / "target")
    parser.add_argument("--bgfetch", default=f"{target}/debug/bgfetch")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("server", nargs="*", help="a part of its name")
    options = parser.parse_args()
    options.bgfetch = str(Path(options.bgfetch).resolve())
    short = 0
    with tempfile.TemporaryDirectory(prefix="servers-") as directory:
        directory = Path(directory)
        make_certificates(directory, options)
        print("| server | " + " | ".join(name for name, _, _ in TRIALS) + " |")
        print("| --- |" + " --- |" * len(TRIALS))
        for kind in SERVERS:
            name = kind(directory, options).name
            if not any(part in name for part in options.server or [""]):
                continue
            if missing := kind(directory, options).missing():
                print(f"{name}: {missing} is missing", file=sys.stderr)
                continue
            row = []
            for number, (_, trial, right) in enumerate(TRIALS):
                seen = tried(kind, trial, number, directory, options)
                short += seen not in right
                row.append(seen if seen in right else f"**{seen}**")
            print(f"| {name} | " + " | ".join(row) + " |", flush=True)
    sys.exit(1 if short else 0)


if __name__ == "__main__":
    main()

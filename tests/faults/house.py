"""A server process to be hurt, a client that remembers what it was told, and a reader of the ledger that shares no code with it.

The reader is Python's own SQLite and hashlib: what is in the file, by the published layout (docs/reference/ledger.md).
"""

import hashlib
import http.client
import json
import os
import pathlib
import signal
import socket
import sqlite3
import subprocess
import time

PASSWORD = "correct horse battery"


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


class Client:
    """One connection; every answer is a status and a body, a broken connection is status 0."""

    def __init__(self, port, token=None):
        self.port, self.token, self.connection = port, token, None

    def ask(self, method, path, body=None, key=None, headers=None, timeout=20):
        headers = dict(headers or {})
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        if data is not None:
            headers.setdefault("content-type", "application/json")
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        if key:
            headers["idempotency-key"] = key
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
            self.connection.request(method, path, data, headers)
            answer = self.connection.getresponse()
            text = answer.read()
            self.headers = answer.headers
            return answer.status, (json.loads(text) if text and "json" in answer.headers.get("content-type", "") else text)
        except (OSError, http.client.HTTPException, ValueError):
            self.close()
            return 0, None

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


class Server:
    def __init__(self, binary, data, env=None, args=(), log=None):
        self.binary, self.data, self.port = binary, pathlib.Path(data), free_port()
        self.log = open(log or os.devnull, "ab")
        words = [binary, "serve", "--data", str(data), "--listen", f"127.0.0.1:{self.port}", "--runner-capacity", "0", *args]
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env={**os.environ, **(env or {})})

    def wait(self, seconds=60):
        """Whether it answers; false if it ended instead."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                return False
            if Client(self.port).ask("GET", "/healthz", timeout=2)[0] == 200:
                return True
            time.sleep(0.01)
        raise TimeoutError(f"no answer within {seconds} s")

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def stop(self, seconds=30):
        """Asks it to end; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = "hung"
        self.log.close()
        return code


def set_up(server):
    """The first administrator; a token of theirs."""
    secret = (server.data / "setup-link").read_text().strip().rsplit("#", 1)[1]
    client = Client(server.port)
    owner = {"secret": secret, "login": "ana", "name": "Ana", "email": "ana@example.org", "password": PASSWORD}
    status, session = client.ask("POST", "/api/v1/setup", owner)
    assert status in (200, 201), (status, session)
    cookie = client.headers["set-cookie"].split(";")[0]
    status, issued = client.ask("POST", "/api/v1/tokens", {"name": "faults", "lasts": "7d"}, headers={"cookie": cookie, "x-csrf-token": session["csrf_token"]})
    assert status in (200, 201), (status, issued)
    return issued["secret"]


def enter(client, mark):
    """A command whose entry bears a mark: an account in a group of that name."""
    body = {"login": mark, "spec": {"display_name": mark, "groups": [mark]}}
    return client.ask("PUT", "/api/v1/accounts", body, key=f"key-{mark}")


def verify(binary, data):
    """What the ledger's own verification says: passed, and the codes of what is wrong."""
    ran = subprocess.run([binary, "ledger", "verify", "--data", str(data), "--output", "json"], capture_output=True, text=True)
    try:
        report = json.loads(ran.stdout)
    except ValueError:
        return False, [ran.stderr.strip() or "no report"], {}
    return ran.returncode == 0, [it["code"] for it in report["faults"]], report


def root(leaves):
    """RFC 6962, section 2.1, by its definition but without recursion: pairs, an odd one carried up."""
    level = list(leaves)
    if not level:
        return hashlib.sha256(b"").digest()
    while len(level) > 1:
        paired = [hashlib.sha256(b"\x01" + level[at] + level[at + 1]).digest() for at in range(0, len(level) - 1, 2)]
        level = paired + ([level[-1]] if len(level) % 2 else [])
    return level[0]


class Book:
    """What is in the ledger file, read beside the server."""

    def __init__(self, data):
        connection = sqlite3.connect(f"file:{pathlib.Path(data) / 'ledger.db'}?mode=ro", uri=True, timeout=20)
        try:
            self.bodies = [bytes(body) for (body,) in connection.execute("SELECT body FROM entry ORDER BY position")]
            self.positions = [it for (it,) in connection.execute("SELECT position FROM entry ORDER BY position")]
            self.size, self.root = connection.execute("SELECT size, root FROM checkpoint").fetchone()
        finally:
            connection.close()

    def leaves(self):
        return [hashlib.sha256(b"\x00" + body).digest() for body in self.bodies]

    def marks(self, start=0):
        """How often each mark was written, and how many entries bear none."""
        found, others = {}, 0
        for body in self.bodies[start:]:
            event = json.loads(body)["event"]
            groups = event["data"].get("groups") if event["kind"] == "people.account_put" else None
            if groups and len(groups) == 1:
                found[groups[0]] = found.get(groups[0], 0) + 1
            else:
                others += 1
        return found, others

    def sound(self):
        """Dense positions, and the stored root is that of the stored bytes."""
        return self.positions == list(range(len(self.bodies))) and self.size == len(self.bodies) and bytes(self.root) == root(self.leaves())

"""A short story, told once for every write and synchronisation in it, each time with that one failing.

The story: a start, four commands with keys, a blob, a sign-in, an end with a snapshot; an archive is kept meanwhile. The first start of
all, which makes ledger and keys, is a story of its own. However it goes: no answer is a 500, nothing hangs, nothing panics; without
the fault the ledger verifies (or what is wrong is named), the server starts, everything acknowledged is there exactly once, and what was
refused is carried out when it is asked again under its key.
"""

import hashlib
import pathlib
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

from house import PASSWORD, Book, Client, Server, enter, set_up, verify

MODES = ["eio", "enospc", "short", "torn", "kill"]
MARKS = [f"story-{number}" for number in range(4)]
BLOB = b"what a step printed\n" * 2_000
KILLED = -9


def build(folder):
    """The library that makes writes fail; why not, if there is no compiler."""
    library = folder / "faulty.so"
    source = pathlib.Path(__file__).with_name("faulty.c")
    try:
        made = subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], capture_output=True, text=True)
    except FileNotFoundError:
        return None, "there is no C compiler `cc`"
    return (library, None) if made.returncode == 0 else (None, made.stderr)


def environment(library, data, nth, mode, log):
    return {"LD_PRELOAD": str(library), "FAULTY_BELOW": str(data), "FAULTY_NTH": str(nth), "FAULTY_MODE": mode, "FAULTY_LOG": str(log)}


class Case:
    """One telling with one fault."""

    story = "story"

    def __init__(self, binary, library, source, folder, token, nth, mode):
        self.binary, self.source, self.token, self.nth, self.mode = binary, source, token, nth, mode
        self.folder = folder / f"{mode}-{nth}"
        self.data, self.log, self.count = self.folder / "data", self.folder / "server.log", self.folder / "operations"
        self.folder.mkdir(parents=True)
        shutil.copytree(source, self.data)
        self.environment = environment(library, self.data, nth, mode, self.count)
        self.wrong, self.acknowledged, self.refused, self.damage = [], [], [], []

    def fault(self, text):
        self.wrong.append(f"{self.mode} at {self.nth}: {text}")

    def tell(self):
        """The story under the fault."""
        server = Server(self.binary, self.data, self.environment, ["--archive", str(self.data / "archive"), "--archive-every", "1"], self.log)
        try:
            started = server.wait()
        except TimeoutError as hung:
            self.fault(str(hung))
            server.kill()
            return
        if started:
            client = Client(server.port, self.token)
            for mark in MARKS:
                self.note(mark, enter(client, mark))
            self.note("blob", client.ask("PUT", "/api/v1/blobs", BLOB, headers={"content-type": "application/octet-stream"}))
            self.note("sign-in", Client(server.port).ask("POST", "/api/v1/session", {"login": "ana", "password": PASSWORD}))
        ended = server.stop()
        fair = {0, 1, KILLED} if self.mode in ("torn", "kill") else {0, 1}
        if ended not in fair:
            self.fault(f"the server ended with {ended}")
        said = self.log.read_text(errors="replace")
        if "panicked" in said or "defect" in said:
            self.fault("it panicked: " + next(line for line in said.splitlines() if "panicked" in line or "defect" in line))
        if not started and self.mode not in ("torn", "kill") and "interlock:" not in said:
            self.fault("it did not start and did not say why")

    def note(self, what, answer):
        status, body = answer
        if status in (200, 201):
            self.acknowledged.append(what)
        elif status in (0, 503):
            self.refused.append(what)
        else:
            self.fault(f"{what} was answered with {status}: {body}")

    def after(self):
        """Without the fault."""
        passed, codes, _ = verify(self.binary, self.data)
        if not passed:
            # Named damage is fair only if the server refuses as well.
            self.damage = codes
            server = Server(self.binary, self.data, log=self.log)
            if server.wait():
                self.fault(f"`verify` says {codes}, and the server starts all the same")
            server.kill()
            if not all(code.startswith("L") for code in codes):
                self.fault(f"what is wrong has no name: {codes}")
            return
        server = Server(self.binary, self.data, log=self.log)
        if not server.wait():
            self.fault("the ledger verifies, and the server does not start: " + self.log.read_text(errors="replace")[-300:])
            server.kill()
            return
        client = Client(server.port, self.token)
        before = Book(self.data)
        for mark in self.acknowledged:
            if mark in MARKS and before.marks()[0].get(mark, 0) != 1:
                self.fault(f"{mark} was acknowledged and is there {before.marks()[0].get(mark, 0)} times")
        if "blob" in self.acknowledged:
            status, body = client.ask("GET", f"/api/v1/blobs/sha256:{hashlib.sha256(BLOB).hexdigest()}")
            if status != 200 or body != BLOB:
                self.fault(f"the blob was acknowledged and is answered with {status}")
        for mark in MARKS:
            status, _ = enter(client, mark)
            if status not in (200, 201):
                self.fault(f"{mark}, asked again, gives {status}")
        if server.stop() != 0:
            self.fault("the server did not end well without a fault")
        book = Book(self.data)
        if not book.sound():
            self.fault("the stored root is not that of the stored entries")
        if book.bodies[: len(before.bodies)] != before.bodies:
            self.fault("entries were changed")
        for mark in MARKS:
            if book.marks()[0].get(mark, 0) != 1:
                self.fault(f"{mark} is there {book.marks()[0].get(mark, 0)} times")
        passed, codes, _ = verify(self.binary, self.data)
        if not passed:
            self.fault(f"in the end `verify` says {codes}")

    def run(self):
        try:
            self.tell()
            if not self.wrong:
                self.after()
        except Exception as error:  # noqa: BLE001 - a fault of the test is one of its results
            self.fault(f"the test broke off: {error!r}")
        if not self.wrong:
            shutil.rmtree(self.folder)
        return self


class First(Case):
    """The first start of all under a fault."""

    story = "first start"

    def __init__(self, binary, library, empty, folder, nth, mode):
        super().__init__(binary, library, empty, folder / "first", None, nth, mode)

    def tell(self):
        server = Server(self.binary, self.data, self.environment, log=self.log)
        try:
            server.wait()
        except TimeoutError as hung:
            self.fault(str(hung))
        server.stop()
        if "panicked" in self.log.read_text(errors="replace"):
            self.fault("it panicked")

    def after(self):
        self.log.unlink()
        server = Server(self.binary, self.data, log=self.log)
        if server.wait():
            try:
                set_up(server)
            except Exception as error:  # noqa: BLE001
                self.fault(f"after it nobody can be made administrator: {error!r}")
            if server.stop() != 0:
                self.fault("the server did not end well without a fault")
            passed, codes, _ = verify(self.binary, self.data)
            if not passed:
                self.fault(f"`verify` says {codes}")
        else:
            said = self.log.read_text(errors="replace")
            server.kill()
            named = [word.strip(":,") for word in said.split() if word[:2] == "L0" and word.strip(":,")[1:].isdigit()]
            if not named and "permit.key" not in said:
                self.fault(f"it does not start and has no name for it: {said[-300:]}")
            self.damage = named or ["permit.key"]


def counted(case):
    """How many operations a telling has without a fault."""
    case.tell()
    assert not case.wrong, case.wrong
    return len(case.count.read_bytes())


def stories(binary, folder, token, source, every, workers, only=None):
    library, reason = build(folder)
    if library is None:
        return None, reason
    empty = folder / "empty"
    empty.mkdir()
    steps = counted(Case(binary, library, source, folder / "count", token, 0, "eio"))
    first = counted(First(binary, library, empty, folder / "count", 0, "eio"))
    cases = []
    for offset, mode in enumerate(MODES):
        if only and mode not in only:
            continue
        # A few more than counted: threads do not always write in the same order.
        cases += [lambda nth=nth, mode=mode: Case(binary, library, source, folder, token, nth, mode).run() for nth in range(1 + offset % every, steps + 4, every)]
        cases += [lambda nth=nth, mode=mode: First(binary, library, empty, folder, nth, mode).run() for nth in range(1 + offset % every, first + 1, every)]
    with ThreadPoolExecutor(workers) as pool:
        done = list(pool.map(lambda case: case(), cases))
    figures = {
        "operations of the story": steps,
        "operations of the first start": first,
        "tellings": len(done),
        "commands acknowledged": sum(len(it.acknowledged) for it in done),
        "commands refused or cut off": sum(len(it.refused) for it in done),
        "named damage": sorted({code for it in done for code in it.damage}),
        "tellings with named damage": sum(bool(it.damage) for it in done),
        "where": sorted(f"{it.story} {it.mode} at {it.nth}: {' '.join(sorted(set(it.damage)))}" for it in done if it.damage),
    }
    return [line for it in done for line in it.wrong], figures

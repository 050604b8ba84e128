"""A server under load, killed with SIGKILL at seeded moments, again and again.

After every kill: the stored root is that of the stored bytes, by code of our own; every entry from before is there, unchanged; every
command that was acknowledged is there exactly once; one that was under way is there at most once, and once when it is asked again
under its key; nothing else is there. The server's start verifies all of it as well, and `ledger verify` now and then.
"""

import pathlib
import random
import shutil
import threading
import time

from house import Book, Client, Server, enter, set_up, verify

CLIENTS = 4
# Kills after which a fresh ledger is begun, so that starts stay quick.
ROTATE = 50
VERIFY_EVERY = 10


class Load(threading.Thread):
    """Enters one mark after another until the server is gone."""

    def __init__(self, port, token, name):
        super().__init__(daemon=True)
        self.client, self.name_of_load, self.acknowledged, self.under_way = Client(port, token), name, [], None

    def run(self):
        for number in range(1_000_000):
            mark = f"{self.name_of_load}-{number}"
            self.under_way = mark
            status, answer = enter(self.client, mark)
            if status in (200, 201):
                self.acknowledged.append((mark, answer["position"]))
                self.under_way = None
            else:
                self.refused = status
                return


def template(binary, folder):
    data = folder / "template"
    server = Server(binary, data)
    assert server.wait(), "the first start failed"
    token = set_up(server)
    assert server.stop() == 0
    return data, token


def rounds(binary, folder, kills, seed):
    """Gives what went wrong, with the round and the seed to have it again, and figures."""
    random_ = random.Random(seed)
    source, token = template(binary, folder)
    wrong, figures = [], {"kills": 0, "acknowledged": 0, "under way and written": 0, "under way and not": 0, "entries": 0}
    begun, data, expected, before = time.monotonic(), None, {}, []
    server = None
    for number in range(kills):
        if number % ROTATE == 0:
            if server:
                server.kill()
            if data:
                passed, codes, _ = verify(binary, data)
                if not passed:
                    wrong.append(f"round {number}, seed {seed}: at the end of a ledger `verify` says {codes}")
                shutil.rmtree(data)
            data = folder / f"data-{number}"
            shutil.copytree(source, data)
            expected, before = {}, Book(data).bodies
            baseline = len(before)
            server = Server(binary, data)
            assert server.wait()
        loads = [Load(server.port, token, f"m{number}-{index}") for index in range(CLIENTS)]
        [load.start() for load in loads]
        # A moment by what was acknowledged, not by the clock: a busy machine is hit as deep in its work as an idle one.
        enough, end = random_.randint(1, 40), time.monotonic() + 20
        while sum(len(load.acknowledged) for load in loads) < enough and time.monotonic() < end:
            time.sleep(0.0005)
        time.sleep(random_.uniform(0, 0.004))
        server.kill()
        [load.join(30) for load in loads]
        figures["kills"] += 1
        if number % VERIFY_EVERY == 0:
            passed, codes, _ = verify(binary, data)
            if not passed:
                wrong.append(f"round {number}, seed {seed}: `verify` says {codes}")
        for load in loads:
            for mark, position in load.acknowledged:
                expected[mark] = 1
            figures["acknowledged"] += len(load.acknowledged)
        server = Server(binary, data)
        if not server.wait():
            return wrong + [f"round {number}, seed {seed}: the server does not start again"], figures
        book = Book(data)
        if not book.sound():
            wrong.append(f"round {number}, seed {seed}: the stored root is not that of the stored entries")
        if book.bodies[: len(before)] != before:
            wrong.append(f"round {number}, seed {seed}: entries from before were changed")
        marks, others = book.marks(baseline)
        under_way = [load.under_way for load in loads if load.under_way]
        for mark in expected:
            if marks.get(mark, 0) != 1:
                wrong.append(f"round {number}, seed {seed}: {mark} was acknowledged and is there {marks.get(mark, 0)} times")
        for mark in under_way:
            figures["under way and written" if marks.get(mark) else "under way and not"] += 1
            if marks.get(mark, 0) > 1:
                wrong.append(f"round {number}, seed {seed}: {mark} is there {marks[mark]} times")
        unknown = set(marks) - set(expected) - set(under_way)
        if unknown or others:
            wrong.append(f"round {number}, seed {seed}: {len(unknown)} marks and {others} entries that nobody asked for")
        client = Client(server.port, token)
        for mark in under_way:
            status, answer = enter(client, mark)
            if status not in (200, 201):
                wrong.append(f"round {number}, seed {seed}: {mark}, asked again, gives {status} {answer}")
            expected[mark] = 1
        client.close()
        if number % ROTATE == ROTATE - 1:
            print(f"  {number + 1} kills, {figures['acknowledged']} acknowledged, {len(wrong)} wrong", flush=True)
        before = book.bodies
        figures["entries"] = max(figures["entries"], len(before))
    server.kill()
    passed, codes, _ = verify(binary, data)
    if not passed:
        wrong.append(f"the end, seed {seed}: `verify` says {codes}")
    marks, _ = Book(data).marks(baseline)
    wrong += [f"the end, seed {seed}: {mark} is there {marks.get(mark, 0)} times" for mark in expected if marks.get(mark, 0) != 1]
    figures["seconds per kill"] = round((time.monotonic() - begun) / max(kills, 1), 3)
    return wrong, figures

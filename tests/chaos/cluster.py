"""A database and three servers on it, and the ways in which they can be hurt.

Each server is in a network namespace of its own where that can be had (root and `ip`): one pair of interfaces to its clients, one
to the database, which is taken down to cut it off. Elsewhere a small TCP proxy stands between server and database.
"""

import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import threading
import time

NOBODY = 65534


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def quietly(*words):
    return subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL).returncode == 0


class Postgres:
    """One server of PostgreSQL. It refuses to run as root, and runs as nobody then."""

    def __init__(self, bin, folder, settings, listen):
        self.bin, self.folder, self.settings, self.listen = pathlib.Path(bin), pathlib.Path(folder), settings, listen
        self.port = free_port()
        self.process = None
        self.folder.mkdir(parents=True)
        if os.getuid() == 0:
            os.chown(self.folder, NOBODY, NOBODY)

    def _user(self):
        return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}

    def run(self, program, *words, check=True):
        ran = subprocess.run([self.bin / program, *words], capture_output=True, text=True, cwd=self.folder, stdin=subprocess.DEVNULL, **self._user())
        if check and ran.returncode:
            raise RuntimeError(f"{program}: {ran.stderr}")
        return ran.stdout

    @property
    def data(self):
        return self.folder / "data"

    def make(self):
        self.run("initdb", "-D", self.data, "-U", "interlock", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        with open(self.data / "pg_hba.conf", "a") as hba:
            hba.write("host all all 10.0.0.0/8 trust\nhost replication all 127.0.0.1/32 trust\n")

    def copy_of(self, primary, name):
        self.run("pg_basebackup", "-h", "127.0.0.1", "-p", str(primary.port), "-U", "interlock", "-D", self.data, "-R", "-X", "stream", "-c", "fast",
                 "-d", f"application_name={name}")

    def start(self):
        with open(self.data / "postgresql.conf", "a") as conf:
            conf.write(f"listen_addresses='{self.listen}'\nport={self.port}\nunix_socket_directories='{self.folder}'\nmax_connections=80\n"
                       f"shared_buffers='32MB'\n{self.settings}\n")
        self.boot()

    def boot(self):
        log = open(self.folder / "log", "a")
        self.process = subprocess.Popen([self.bin / "postgres", "-D", self.data], stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder,
                                        start_new_session=True, **self._user())
        for _ in range(600):
            if quietly(self.bin / "pg_isready", "-q", "-h", str(self.folder), "-p", str(self.port), "-U", "interlock", "-d", "postgres"):
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError((self.folder / "log").read_text()[-3000:])

    def sql(self, statement):
        return self.run("psql", "-h", str(self.folder), "-p", str(self.port), "-U", "interlock", "-d", "postgres", "-AtX", "-v", "ON_ERROR_STOP=1",
                        "-c", statement).strip()

    def crash(self):
        """Every process of it at once, as when the machine loses its power."""
        if self.process and self.process.poll() is None:
            children = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True).stdout.split()
            for pid in [self.process.pid, *map(int, children)]:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.process.wait()

    def restart(self):
        self.crash()
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        time.sleep(0.2)
        self.boot()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.crash()


class Proxy:
    """Passes bytes on to the database, until it is cut: then it takes none and passes none."""

    def __init__(self, port):
        self.target, self.open = port, True
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.target), 5)
            except OSError:
                if self.listener.fileno() < 0:
                    return
                continue
            far.settimeout(None)
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self.pump, args=(a, b), daemon=True).start()

    def pump(self, a, b):
        try:
            while data := a.recv(65536):
                while not self.open:
                    time.sleep(0.05)
                b.sendall(data)
        except OSError:
            pass
        for it in (a, b):
            try:
                it.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Namespace:
    """A network namespace with one way to its clients and one to the database."""

    def __init__(self, number):
        tag = f"{os.getpid() % 60000:x}{number}"
        self.name, self.net = f"il{tag}", random.randrange(20, 250)
        self.pairs = [("c" + tag, f"10.{self.net}.{number * 2}"), ("d" + tag, f"10.{self.net}.{number * 2 + 1}")]

    def make(self):
        run = lambda *words: subprocess.run(words, check=True, capture_output=True)
        run("ip", "netns", "add", self.name)
        for name, net in self.pairs:
            run("ip", "link", "add", f"{name}h", "type", "veth", "peer", "name", f"{name}n")
            run("ip", "link", "set", f"{name}n", "netns", self.name)
            run("ip", "addr", "add", f"{net}.1/24", "dev", f"{name}h")
            run("ip", "link", "set", f"{name}h", "up")
            run("ip", "-n", self.name, "addr", "add", f"{net}.2/24", "dev", f"{name}n")
            run("ip", "-n", self.name, "link", "set", f"{name}n", "up")
        run("ip", "-n", self.name, "link", "set", "lo", "up")

    def cut(self, cut):
        quietly("ip", "-n", self.name, "link", "set", f"{self.pairs[1][0]}n", "down" if cut else "up")

    def remove(self):
        quietly("ip", "netns", "del", self.name)
        for name, _ in self.pairs:
            quietly("ip", "link", "del", f"{name}h")


def namespaces_can_be_had():
    if os.getuid() != 0 or not shutil.which("ip"):
        return False
    trial = Namespace(9)
    try:
        trial.make()
        return True
    except subprocess.CalledProcessError:
        return False
    finally:
        trial.remove()


class Node:
    """One server, with what stands between it and the database."""

    def __init__(self, number, binary, folder, address, namespace, proxy):
        self.number, self.binary, self.namespace, self.proxy = number, binary, namespace, proxy
        self.data = pathlib.Path(folder) / f"node{number}"
        self.key = pathlib.Path(folder) / "shared" / "ledger.key"
        self.address = address
        self.host = f"{namespace.pairs[0][1]}.2" if namespace else "127.0.0.1"
        self.port = free_port()
        self.process = None
        self.paused = False

    @property
    def base(self):
        return f"http://{self.host}:{self.port}"

    def start(self):
        words = [self.binary, "serve", "--data", str(self.data), "--ledger", self.address, "--ledger-key", str(self.key),
                 "--listen", f"{self.host}:{self.port}", "--node", f"node-{self.number}", "--name", "Chaos"]
        if self.namespace:
            words = ["ip", "netns", "exec", self.namespace.name, *words]
        log = open(self.data.with_suffix(".log"), "a")
        self.process = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        if self.alive():
            self.process.kill()
            self.process.wait()
        self.paused = False

    def pause(self, paused):
        if self.alive():
            self.process.send_signal(signal.SIGSTOP if paused else signal.SIGCONT)
            self.paused = paused

    def cut(self, cut):
        if self.namespace:
            self.namespace.cut(cut)
        elif self.proxy:
            self.proxy.open = not cut

"""A PostgreSQL server for tests: started by them in a folder of its own, gone with them."""

import contextlib
import glob
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid

FAST = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
    "max_connections=300",
)
MISSING = (
    "PostgreSQL is not installed (its `initdb` and `postgres` were not found): apt-get install postgresql"
)


def programs():
    """Return the folder of the newest server that is installed, or None."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: float(path.split("/")[4]))
    path = found[-1] if found else shutil.which("initdb")
    return os.path.dirname(os.path.realpath(path)) if path else None


class TeamServer:
    """One server, which listens on a socket in its folder; a new database for each test."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="zenml-pg-", dir="/tmp")  # a path of a socket has to be short
        self._data = os.path.join(self.folder, "data")
        self._programs = programs()
        self._user = "postgres" if os.geteuid() == 0 else None  # it refuses to be run by root
        if self._user:
            shutil.chown(self.folder, self._user)
        self._run(
            "initdb",
            "-D",
            self._data,
            "-A",
            "trust",
            "-N",
            "-U",
            "postgres",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        )
        self.start()
        self._template = None

    def start(self):
        options = [part for one in FAST for part in ("-c", one)]
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self._process = subprocess.Popen(
                [
                    f"{self._programs}/postgres",
                    "-D",
                    self._data,
                    "-k",
                    self.folder,
                    "-c",
                    "listen_addresses=",
                    *options,
                ],
                user=self._user,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._run("pg_isready", "-h", self.folder, "-t", "30", until=True)

    def stop(self, how=signal.SIGINT):
        """End the server: SIGINT in good order, SIGQUIT as if it had crashed."""
        self._process.send_signal(how)
        self._process.wait(30)

    def close(self):
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def address(self, database):
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def new_database(self, *, is_empty=False):
        """Return the address of a fresh database, with the tables of a store unless it is to be empty."""
        name = f"test_{uuid.uuid4().hex}"
        if is_empty:
            self.ask(f'CREATE DATABASE "{name}"')
        else:
            self.ask(f'CREATE DATABASE "{name}" TEMPLATE "{self._template_name()}"')
        return self.address(name)

    def drop(self, address):
        name = address.partition("@/")[2].partition("?")[0]
        self.ask(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def empty(self, address):
        """Take all records out of a store's database: six times faster than making a new one."""
        import psycopg

        with psycopg.connect(address, autocommit=True) as connection:
            tables = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'store_meta'"
            ).fetchall()
            connection.execute("SET session_replication_role = replica")  # in whatever order
            connection.execute("; ".join(f'DELETE FROM "{name}"' for (name,) in tables))  # noqa: S608

    def ask(self, sql, *values, database="postgres"):
        """Ask the server something beside all stores."""
        import psycopg

        with psycopg.connect(self.address(database), autocommit=True) as connection:
            cursor = connection.execute(sql, values)
            return cursor.fetchall() if cursor.description else []

    def end_connections(self, address):
        """Hang up on everybody who uses a database; return how many there were."""
        name = address.partition("@/")[2].partition("?")[0]
        sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
        return len(self.ask(sql, name))

    def _template_name(self):
        if self._template is None:
            from zenml.store.database import Database

            self._template = "template_store"
            self.ask(f'CREATE DATABASE "{self._template}"')
            with tempfile.TemporaryDirectory() as root:
                Database(root, address=self.address(self._template)).close()
        return self._template

    def _run(self, program, *words, until=False):
        command = [f"{self._programs}/{program}", *words]
        for _ in range(100 if until else 1):
            done = subprocess.run(
                command, user=self._user, capture_output=True, text=True, cwd="/", check=False
            )
            if done.returncode == 0:
                return
            if until:
                assert self._process.poll() is None, f"the server has ended, see {self.folder}/log"
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(0.1)
        raise AssertionError(f"{program}: {done.stderr}")


if __name__ == "__main__":
    server = TeamServer()
    print(server.new_database(), flush=True)
    sys.stdin.readline()
    server.close()

"""A PostgreSQL server for tests: started by them in a folder of its own, gone with them.

It listens on 127.0.0.1, on a port of its own, and lets everybody in; the user `bob` needs a password.
"""

import contextlib
import glob
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import uuid

FAST = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
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


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class TeamServer:
    """One server; a new database for each test."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="zenml-pg-", dir="/tmp")  # where another user can enter
        self.port = free_port()
        self._data = os.path.join(self.folder, "data")
        self._programs = programs()
        self._user = "postgres" if os.geteuid() == 0 else None  # it refuses to be run by root
        if self._user:
            shutil.chown(self.folder, self._user)
        words = "-A trust --no-sync -U postgres -E UTF8 --locale=C.UTF-8"
        self._run("initdb", "-D", self._data, *words.split())
        rules = os.path.join(self._data, "pg_hba.conf")
        with open(rules, encoding="utf-8") as file:
            usual = file.read()
        with open(rules, "w", encoding="utf-8") as file:
            file.write(f"host all bob 127.0.0.1/32 scram-sha-256\n{usual}")
        self.start()
        self._template = None

    def start(self):
        """Begin, or begin again."""
        options = [part for one in FAST for part in ("-c", one)]
        with open(os.path.join(self.folder, "log"), "ab") as log:
            # It ends with these tests, however they end, where the system can do that.
            ends = [which, "--pdeathsig", "QUIT"] if (which := shutil.which("setpriv")) else []
            self._process = subprocess.Popen(
                [*ends, f"{self._programs}/postgres", "-D", self._data, "-p", str(self.port), *options],
                user=self._user,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._run("pg_isready", "-h", "127.0.0.1", "-p", str(self.port), until=True)

    def stop(self, how=signal.SIGINT):
        """End the server: SIGINT in good order, SIGQUIT as if it had crashed."""
        self._process.send_signal(how)
        self._process.wait(30)

    def close(self):
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def address(self, database):
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def new_database(self, *, is_empty=False):
        """Return the address of a fresh database, with the tables of a store unless it is to be empty."""
        name = f"test_{uuid.uuid4().hex}"
        if is_empty:
            self.ask(f'CREATE DATABASE "{name}"')
        else:
            self.ask(f'CREATE DATABASE "{name}" TEMPLATE "{self._template_name()}"')
        return self.address(name)

    def stands_in_for_the_host_of_pages(self):
        """Make the database that pages speak of; return the variables with which it is found whatever host they name."""
        if not self.ask("SELECT 1 FROM pg_roles WHERE rolname = 'ada'"):
            self.ask("CREATE ROLE ada LOGIN")
        self.ask("DROP DATABASE IF EXISTS pipelines WITH (FORCE)")
        self.ask("CREATE DATABASE pipelines OWNER ada")
        return {"PGHOSTADDR": "127.0.0.1", "PGPORT": str(self.port)}

    def with_a_user_who_needs_a_password(self, address, password):
        """Return an address at which `bob` may do everything once he gives his password."""
        self.ask("DROP ROLE IF EXISTS bob")
        self.ask(f"CREATE ROLE bob LOGIN SUPERUSER PASSWORD '{password}'")
        return address.replace("postgres@", "bob@")

    def drop(self, address):
        name = address.rpartition("/")[2]
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
        name = address.rpartition("/")[2]
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
    # Runs the examples of a page beside a server: python tests/team_server.py docs/how-to/team-store.md
    server = TeamServer()
    try:
        variables = {**os.environ, **server.stands_in_for_the_host_of_pages()}
        subprocess.run([sys.executable, "docs/run_pages.py", *sys.argv[1:]], env=variables, check=True)
    finally:
        server.close()

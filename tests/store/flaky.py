"""Connections to PostgreSQL that are lost at a chosen statement, before the server hears it or after it has done it."""

import psycopg


class Breaks:
    """Counts the statements of all connections, and ends the connection of one of them."""

    def __init__(self, ask):
        self.count = 0
        self.at = 0
        self.when = "before"
        self.texts = []
        self._ask = ask

    def plan(self, at, when):
        self.count, self.at, self.when, self.texts = 0, at, when, []

    def around(self, connection, text, act):
        self.count += 1
        self.texts.append(str(text))
        if self.count != self.at:
            return act()
        if self.when == "before":
            self._end(connection)
            return act()
        act()
        self._end(connection)
        connection.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    def _end(self, connection):
        pid = connection.info.backend_pid
        self._ask("SELECT pg_terminate_backend(%s, 10000)", pid)


def install(monkeypatch, ask):
    """Have every connection that is opened from now on be one of these; return what breaks them."""
    breaks = Breaks(ask)

    class Cursor(psycopg.Cursor):
        def executemany(self, query, rows, **options):
            return breaks.around(
                self.connection, query, lambda: psycopg.Cursor.executemany(self, query, rows, **options)
            )

    class Connection(psycopg.Connection):
        def __init__(self, *words, **options):
            super().__init__(*words, **options)
            self.cursor_factory = Cursor

        def execute(self, query, *words, **options):
            def act():
                return psycopg.Connection.execute(self, query, *words, **options)

            if "set_config" in query:  # of the connection itself
                return act()
            return breaks.around(self, query, act)

    def connect(*words, **options):
        # What asks for the other ends of connections has an ordinary one.
        return (Connection if options.get("application_name") else psycopg.Connection).connect(
            *words, **options
        )

    monkeypatch.setattr(psycopg, "connect", connect)
    return breaks

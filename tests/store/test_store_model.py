"""The store loses nothing and makes nothing up, whatever owners and people do to it, in any order.

The machine of `store_machine` does it; here it is run, and shown to find the mistakes it is there for.
"""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from store_machine import StoreMachine

from zenml.store import queries, removal, sqlite

EXAMPLES = 2000
SOME = 600
"""Examples within which a mistake is to be found; most show within a hundred."""
HAPPENS = (
    "refused",
    "cached",
    "resumed",
    "resumed too late",
    "taken over",
    "found dead by a look-up",
    "runs deleted",
    "runs collected",
    "artifacts collected",
    "documents collected",
)


def run_machine(folder, **fields):
    StoreMachine.prepare(folder)
    checks = list(HealthCheck)
    limits = settings(stateful_step_count=16, deadline=None, suppress_health_check=checks, **fields)
    run_state_machine_as_test(StoreMachine, settings=limits)


def test_the_store_does_what_the_model_says(tmp_path):
    run_machine(tmp_path / "template", max_examples=EXAMPLES)

    assert StoreMachine.examples >= EXAMPLES
    assert {what: StoreMachine.happened[what] for what in HAPPENS if StoreMachine.happened[what] < 10} == {}


def changed(module, name, old, new):
    """Have a constant say something else; the text must be there."""

    def change(monkeypatch):
        text = getattr(module, name)
        assert old in text
        monkeypatch.setattr(module, name, text.replace(old, new))

    return change


def without_use(kind):
    """Have the collection not know one kind of use."""

    def change(monkeypatch):
        column, users = removal._USES[kind]
        for name in ("_UNUSED", "_STILL_UNUSED"):
            use = f"a.{column} IN (SELECT key FROM ({users}) AS users)"  # noqa: S608  what it is made of there
            changed(removal, name, use, "FALSE")(monkeypatch)

    return change


def without_cascade(monkeypatch):
    """Have the rows of a run's steps stay when it is deleted."""
    opened = sqlite.SQLiteFile._open

    def open_without(file, *pragmas):
        connection = opened(file, *pragmas)
        connection.execute("PRAGMA foreign_keys = OFF")
        return connection

    monkeypatch.setattr(sqlite.SQLiteFile, "_open", open_without)


MISTAKES = {
    "an old owner starts steps": changed(queries, "START_STEP", "AND epoch = :epoch", "AND :epoch >= 0"),
    "an old owner ends the run": changed(queries, "END_RUN", "AND epoch = :epoch", "AND :epoch >= 0"),
    "an old owner speaks": changed(queries, "IS_OWNED", "AND epoch = :epoch", "AND :epoch >= 0"),
    "no new epoch at take-over": changed(queries, "INTERRUPT_RUNS", "epoch + 1", "epoch"),
    "an ended step ends again": changed(queries, "END_STEP", "AND status = 'running'", ""),
    "a stopping run completes": changed(queries, "END_RUN", "AND :status NOT IN ('completed', 'paused')", ""),
    "claims of ended runs stay": changed(queries, "END_LEFT_STEPS", "'running', 'retrying'", "'retrying'"),
    "a version is given twice": changed(queries, "INSERT_ARTIFACT", "deleted_versions WHERE", "deleted_versions WHERE 1 = 0 AND"),
    "what is invalidated answers": changed(queries, "LOOK_UP_ONE", "AND invalidated_at IS NULL", ""),
    "tags keep nothing": without_use("tagged"),
    "models keep nothing": without_use("part of"),
    "cached results keep nothing": without_use("result of"),
    "rows of steps stay": without_cascade,
    "what is said of runs stays": lambda monkeypatch: monkeypatch.setattr(removal, "_FORGET_RUN", ()),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_found(tmp_path, monkeypatch, mistake):
    mistake(monkeypatch)

    with pytest.raises((Exception, BaseExceptionGroup, pytest.fail.Exception)):
        run_machine(tmp_path / "template", max_examples=SOME, phases=(Phase.generate,))

    assert StoreMachine.examples > 1, "it is not the machine that is broken"

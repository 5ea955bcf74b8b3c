"""The table of states: what may follow what."""

from typing import get_args

import pytest

from zenml.enums import ExecutionStatus
from zenml.records.status import (
    ENDED,
    RESUMABLE,
    RUN_TRANSITIONS,
    STEP_TRANSITIONS,
    SUCCESSFUL,
    RunStatus,
    StepStatus,
)

TABLES = [(RunStatus, RUN_TRANSITIONS), (StepStatus, STEP_TRANSITIONS)]


@pytest.mark.parametrize(("states", "table"), TABLES)
def test_the_tables_know_every_state(states, table):
    assert set(table) == set(get_args(states))
    assert {after for follows in table.values() for after in follows} <= set(get_args(states))


@pytest.mark.parametrize(("states", "table"), TABLES)
def test_an_ended_state_never_changes_but_by_resuming_a_run(states, table):
    assert {state for state, follows in table.items() if follows in ((), ("running",))} == ENDED & set(table)
    assert {state for state, follows in table.items() if follows == ("running",)} <= RESUMABLE


def test_a_run_that_completed_is_not_resumed_and_neither_is_one_that_goes_on():
    assert {"failed", "stopped", "interrupted", "paused"} == RESUMABLE
    assert all(STEP_TRANSITIONS[state] == () for state in RESUMABLE & ENDED)


@pytest.mark.parametrize(("states", "table"), TABLES)
def test_every_state_that_goes_on_can_be_interrupted(states, table):
    assert all("interrupted" in table[state] for state in set(table) - ENDED - {"paused"})  # nobody's


def test_a_stopping_run_does_not_run_again():
    assert "running" not in RUN_TRANSITIONS["stopping"]
    assert "completed" not in RUN_TRANSITIONS["stopping"]


def test_only_ended_states_leave_outputs_behind():
    assert SUCCESSFUL <= ENDED


def test_people_know_every_state_by_name():
    assert {*get_args(RunStatus), *get_args(StepStatus)} <= set(ExecutionStatus)

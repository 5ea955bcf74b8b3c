"""The table of states: what may follow what."""

from typing import get_args

import pytest

from zenml.enums import ExecutionStatus
from zenml.records.status import ENDED, RUN_TRANSITIONS, STEP_TRANSITIONS, SUCCESSFUL, RunStatus, StepStatus

TABLES = [(RunStatus, RUN_TRANSITIONS), (StepStatus, STEP_TRANSITIONS)]


@pytest.mark.parametrize(("states", "table"), TABLES)
def test_the_tables_know_every_state(states, table):
    assert set(table) == set(get_args(states))
    assert {after for follows in table.values() for after in follows} <= set(get_args(states))


@pytest.mark.parametrize(("states", "table"), TABLES)
def test_an_ended_state_never_changes(states, table):
    assert {state for state, follows in table.items() if not follows} == ENDED & set(table)


@pytest.mark.parametrize(("states", "table"), TABLES)
def test_every_state_that_goes_on_can_be_interrupted(states, table):
    assert all("interrupted" in follows for follows in table.values() if follows)


def test_a_stopping_run_does_not_run_again():
    assert "running" not in RUN_TRANSITIONS["stopping"]
    assert "completed" not in RUN_TRANSITIONS["stopping"]


def test_only_ended_states_leave_outputs_behind():
    assert SUCCESSFUL <= ENDED


def test_people_know_every_state_by_name():
    assert {*get_args(RunStatus), *get_args(StepStatus)} <= set(ExecutionStatus)

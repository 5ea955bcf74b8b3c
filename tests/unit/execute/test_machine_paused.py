"""A call that waits for a person: it has not ended, and nothing goes on because of it."""

from zenml.execute.machine import Machine
from zenml.records.plan import Invocation, OutputRef


def call(name, *needs):
    inputs = {f"x{number}": OutputRef(step=one, name="output") for number, one in enumerate(needs)}
    return Invocation(id=name, definition="d", inputs=inputs)


def machine_of(*calls):
    machine = Machine((), is_open=True)
    for one in calls:
        machine.add(one)
    for name in machine.take_ready():
        machine.start(name)
    return machine


def test_it_is_a_standstill_when_only_what_needs_it_is_left():
    machine = machine_of(call("asks"), call("other"), call("after", "asks"))

    machine.paused("asks")
    assert not machine.is_at_standstill
    machine.completed("other")

    assert machine.is_at_standstill
    assert machine.paused_children == ["asks"]
    assert machine.nodes["after"].state == "pending"


def test_a_run_in_which_nobody_asks_is_at_no_standstill():
    machine = machine_of(call("one"))
    machine.completed("one")
    assert not machine.is_at_standstill


def test_what_is_ready_goes_on():
    machine = machine_of(call("asks"))
    machine.paused("asks")
    machine.add(call("new"))
    assert not machine.is_at_standstill


def test_it_is_cancelled_with_what_needs_it():
    machine = machine_of(call("asks"), call("after", "asks"))
    machine.paused("asks")

    assert machine.cancel("asks") == ["asks", "after"]

    assert not machine.is_at_standstill
    machine.close()
    assert machine.is_over

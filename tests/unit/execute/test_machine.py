"""The machine under any order of events: what may start, what is skipped, and that it always ends."""

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zenml.execute.machine import MAX_REPAIRS, TRANSITIONS, Machine, State
from zenml.records.plan import ExecutionMode, Invocation

TERMINAL = ("failed", "skipped", "stopped")
SUCCEEDED = ("completed", "cached")
MODES = get_args(ExecutionMode)
MOST_RETRIES = 3


def call(identifier, *after):
    return Invocation(identifier, "definition", after=after)


def machine_of(mode="continue_on_failure", /, **graph):
    """A machine for `step=(upstream, …)`."""
    return Machine([call(name, *after) for name, after in graph.items()], mode)


def states(machine):
    return {name: node.state for name, node in machine.nodes.items()}


def run_all(machine, *names):
    for name in names:
        machine.take_ready()
        machine.start(name)
        machine.completed(name)


# The table


def test_the_table_knows_every_state():
    assert set(TRANSITIONS) == set(get_args(State))
    assert set().union(*TRANSITIONS.values()) <= set(get_args(State))


@pytest.mark.parametrize("state", TERMINAL)
def test_what_did_not_succeed_never_changes_again(state):
    assert TRANSITIONS[state] == frozenset()


@pytest.mark.parametrize("state", get_args(State))
@pytest.mark.parametrize("event", ["start", "cached", "completed", "failed", "stopped"])
def test_an_event_is_possible_only_where_the_table_says_so(state, event):
    machine = machine_of(a=())
    machine.nodes["a"].state = state
    target = "running" if event == "start" else event

    if target in TRANSITIONS[state]:
        getattr(machine, event)("a")
        assert machine.nodes["a"].state == target
    else:
        with pytest.raises(AssertionError, match=f"cannot go from {state} to {target}"):
            getattr(machine, event)("a")


# By example


def test_a_run_without_steps_is_over_and_completed():
    machine = Machine([])

    assert machine.is_over
    assert machine.verdict() == "completed"


def test_steps_without_upstream_are_ready_in_the_order_of_the_plan():
    assert machine_of(a=(), b=(), c=("a",), d=()).take_ready() == ["a", "b", "d"]


def test_ready_steps_are_taken_once():
    machine = machine_of(a=())
    machine.take_ready()

    assert machine.take_ready() == []


def test_what_became_ready_last_is_taken_first():
    machine = machine_of(a=(), b=(), a2=("a",), b2=("b",))
    machine.take_ready()
    for name in "ab":
        machine.start(name)
        machine.completed(name)

    assert machine.take_ready() == ["b2", "a2"]


def test_a_step_waits_for_all_of_its_upstream():
    machine = machine_of(a=(), b=(), c=("a", "b"))
    run_all(machine, "a")
    assert machine.take_ready() == []

    run_all(machine, "b")

    assert machine.take_ready() == ["c"]


def test_a_cached_step_counts_as_succeeded():
    machine = machine_of(a=(), b=("a",))
    machine.take_ready()
    machine.cached("a")

    assert machine.take_ready() == ["b"]


def test_a_failure_skips_what_depends_on_it_and_says_why():
    machine = machine_of(a=(), b=("a",), c=("b",), d=())
    machine.take_ready()
    machine.start("a")

    assert sorted(machine.failed("a")) == ["b", "c"]

    assert machine.nodes["b"].reason == "step `a` did not succeed"
    assert machine.nodes["c"].reason == "step `b` did not succeed"
    assert machine.nodes["d"].state == "ready"


@pytest.mark.parametrize("mode", ["stop_on_failure", "fail_fast"])
def test_a_failure_skips_everything_that_did_not_start_in_the_stopping_modes(mode):
    machine = machine_of(mode, a=(), b=(), c=(), d=("b",))
    machine.take_ready()
    machine.start("a")
    machine.start("b")

    assert sorted(machine.failed("a")) == ["c", "d"]

    assert "step `a` failed" in machine.nodes["c"].reason


@pytest.mark.parametrize("mode", MODES)
def test_a_run_with_a_failure_has_failed(mode):
    machine = machine_of(mode, a=())
    machine.take_ready()
    machine.start("a")
    machine.failed("a")

    assert machine.is_over
    assert machine.verdict() == "failed"
    assert machine.first_failure == "a"


def test_stopping_skips_everything_that_did_not_start():
    machine = machine_of(a=(), b=(), c=("a",))
    machine.take_ready()
    machine.start("a")

    assert sorted(machine.stop()) == ["b", "c"]

    assert machine.nodes["b"].reason == "the run was stopped"
    assert machine.take_ready() == []


def test_ready_steps_that_nobody_took_do_not_start_after_a_stop():
    machine = machine_of(a=(), b=())
    machine.stop()

    assert machine.take_ready() == []


def test_a_stopped_run_is_over_when_nothing_runs_any_more():
    machine = machine_of(a=())
    machine.take_ready()
    machine.start("a")
    machine.stop()
    assert not machine.is_over

    machine.stopped("a")

    assert machine.is_over
    assert machine.verdict() == "stopped"


# Invocations added one by one


def test_an_added_step_without_open_upstream_is_ready():
    machine = machine_of(a=())
    run_all(machine, "a")
    machine.add(call("b", "a"))

    assert machine.take_ready() == ["b"]


def test_an_added_step_waits_for_upstream_that_runs():
    machine = machine_of(a=())
    machine.take_ready()
    machine.start("a")
    machine.add(call("b", "a"))
    assert machine.take_ready() == []

    machine.completed("a")

    assert machine.take_ready() == ["b"]


def test_an_added_step_below_a_failure_is_skipped():
    machine = machine_of(a=())
    machine.take_ready()
    machine.start("a")
    machine.failed("a")

    machine.add(call("b", "a"))

    assert machine.nodes["b"].state == "skipped"
    assert machine.nodes["b"].reason == "step `a` did not succeed"


def test_a_step_added_while_the_run_stops_is_skipped():
    machine = machine_of(a=())
    machine.stop()

    machine.add(call("b"))

    assert machine.nodes["b"].state == "skipped"
    assert machine.is_over


def open_machine(mode="continue_on_failure"):
    return Machine([], mode, is_open=True)


def test_an_open_run_is_not_over_before_it_is_closed():
    machine = open_machine()
    machine.add(call("a"))
    run_all(machine, "a")
    assert not machine.is_over

    machine.close()

    assert machine.is_over
    assert machine.verdict() == "completed"


def test_a_function_that_fails_fails_the_run():
    machine = open_machine()
    machine.close(has_failed=True)

    assert (machine.verdict(), machine.first_failure) == ("failed", None)


def test_a_failure_that_somebody_takes_is_not_the_runs():
    machine = open_machine()
    machine.add(call("a"))
    machine.take_ready()
    machine.start("a")
    machine.failed("a")
    machine.handle("a")
    machine.close()

    assert machine.verdict() == "completed"


@pytest.mark.parametrize("mode", ["stop_on_failure", "fail_fast"])
def test_a_failure_that_stops_the_run_stays_the_runs(mode):
    machine = open_machine(mode)
    machine.add(call("a"))
    machine.take_ready()
    machine.start("a")
    machine.failed("a")
    machine.handle("a")
    machine.close()

    assert machine.verdict() == "failed"


def test_a_cancelled_step_is_skipped_with_what_waits_for_it():
    machine = open_machine()
    for one in (call("a"), call("b", "a"), call("c", "b")):
        machine.add(one)

    assert machine.cancel("b") == ["b", "c"]

    assert machine.nodes["b"].reason == "it was cancelled"
    run_all(machine, "a")
    machine.close()
    assert machine.is_over
    assert machine.verdict() == "completed"


def test_a_step_that_runs_or_has_ended_is_not_cancelled():
    machine = open_machine()
    machine.add(call("a"))
    machine.take_ready()
    machine.start("a")
    assert machine.cancel("a") == []

    machine.completed("a")

    assert machine.cancel("a") == []


# Repairs


def damaged_once(machine, *names):
    run_all(machine, *names)
    machine.take_ready()


def test_a_damaged_input_makes_its_producer_run_again_and_its_consumer_wait():
    machine = machine_of(p=(), c=("p",))
    damaged_once(machine, "p")
    machine.start("c")

    assert machine.damaged("c", "p")

    assert states(machine) == {"p": "ready", "c": "pending"}
    assert machine.take_ready() == ["p"]


def test_the_consumer_starts_again_after_the_repair():
    machine = machine_of(p=(), c=("p",))
    damaged_once(machine, "p")
    machine.start("c")
    machine.damaged("c", "p")

    run_all(machine, "p")

    assert machine.take_ready() == ["c"]


def test_two_consumers_of_one_damaged_output_share_a_repair():
    machine = machine_of(p=(), c=("p",), d=("p",))
    damaged_once(machine, "p")
    machine.start("c")
    machine.start("d")
    machine.damaged("c", "p")

    assert machine.damaged("d", "p")

    assert machine.nodes["p"].repairs == 1
    run_all(machine, "p")
    assert sorted(machine.take_ready()) == ["c", "d"]


def test_a_consumer_waits_for_both_of_its_damaged_inputs():
    machine = machine_of(p=(), q=(), c=("p", "q"), d=("p",))
    damaged_once(machine, "p", "q")
    machine.start("c")
    machine.start("d")
    machine.damaged("d", "p")
    machine.damaged("c", "q")

    run_all(machine, "p")

    assert "c" not in machine.take_ready()
    run_all(machine, "q")
    assert "c" in machine.take_ready()


def test_an_output_is_repaired_a_limited_number_of_times():
    machine = machine_of(p=(), c=("p",))
    damaged_once(machine, "p")
    for _ in range(MAX_REPAIRS):
        machine.start("c")
        assert machine.damaged("c", "p")
        damaged_once(machine, "p")
    machine.start("c")

    assert not machine.damaged("c", "p")


def test_an_artifact_of_no_step_of_the_run_cannot_be_repaired():
    machine = machine_of(c=())
    machine.take_ready()
    machine.start("c")

    assert not machine.damaged("c", "elsewhere")


def test_nothing_is_repaired_while_the_run_stops():
    machine = machine_of(p=(), c=("p",))
    damaged_once(machine, "p")
    machine.start("c")
    machine.stop()

    assert not machine.damaged("c", "p")


def test_a_failed_repair_skips_the_consumer_that_waits_for_it():
    machine = machine_of(p=(), c=("p",))
    damaged_once(machine, "p")
    machine.start("c")
    machine.damaged("c", "p")
    machine.take_ready()
    machine.start("p")

    assert machine.failed("p") == ["c"]

    assert machine.is_over


def test_a_damage_found_after_its_repair_has_failed_cannot_be_repaired():
    machine = machine_of(p=(), c=("p",), d=("p",))
    damaged_once(machine, "p")
    machine.start("c")
    machine.start("d")
    machine.damaged("c", "p")
    machine.take_ready()
    machine.start("p")
    machine.failed("p")

    assert not machine.damaged("d", "p")


# Retries


def test_a_step_that_is_tried_again_waits_until_it_is_due():
    machine = machine_of(a=(), b=("a",))
    machine.take_ready()
    machine.start("a")

    assert machine.retry("a")

    assert states(machine) == {"a": "retrying", "b": "pending"}
    assert machine.take_ready() == []
    assert not machine.is_over
    assert machine.running == 0

    machine.due("a")

    assert machine.take_ready() == ["a"]
    assert machine.nodes["a"].retries == 1


def test_what_depends_on_a_retried_step_runs_after_it():
    machine = machine_of(a=(), b=("a",))
    machine.take_ready()
    machine.start("a")
    machine.retry("a")
    machine.due("a")

    run_all(machine, "a")

    assert machine.take_ready() == ["b"]
    assert machine.first_failure is None


@pytest.mark.parametrize("mode", ["stop_on_failure", "fail_fast"])
def test_a_wait_ends_when_the_run_stops_on_a_failure(mode):
    machine = machine_of(mode, a=(), b=(), c=("a",))
    machine.take_ready()
    machine.start("a")
    machine.start("b")
    machine.retry("a")

    assert sorted(machine.failed("b")) == ["a", "c"]

    assert machine.is_over


def test_nothing_is_tried_again_while_the_run_stops():
    machine = machine_of(a=())
    machine.take_ready()
    machine.start("a")
    machine.stop()

    assert not machine.retry("a")
    assert machine.nodes["a"].state == "running"


def test_a_stop_ends_a_wait():
    machine = machine_of(a=())
    machine.take_ready()
    machine.start("a")
    machine.retry("a")

    assert machine.stop() == ["a"]
    assert machine.is_over


def test_a_step_whose_input_is_being_made_anew_when_its_wait_is_over_waits_for_that_too():
    machine = machine_of(p=(), c=("p",), d=("p",))
    damaged_once(machine, "p")
    machine.start("c")
    machine.start("d")
    machine.retry("c")
    machine.damaged("d", "p")

    machine.due("c")

    assert states(machine) == {"p": "ready", "c": "pending", "d": "pending"}
    run_all(machine, "p")
    assert sorted(machine.take_ready()) == ["c", "d"]


def test_a_wait_ends_when_its_input_cannot_be_repaired():
    machine = machine_of(p=(), c=("p",), d=("p",))
    damaged_once(machine, "p")
    machine.start("c")
    machine.start("d")
    machine.retry("c")
    machine.damaged("d", "p")
    machine.take_ready()
    machine.start("p")

    assert sorted(machine.failed("p")) == ["c", "d"]


def test_a_step_whose_input_could_not_be_repaired_is_not_tried_again():
    machine = machine_of(p=(), c=("p",), d=("p",))
    damaged_once(machine, "p")
    machine.start("c")
    machine.start("d")
    machine.damaged("d", "p")
    machine.take_ready()
    machine.start("p")
    machine.failed("p")

    assert not machine.retry("c")


def test_a_repair_is_no_retry_and_has_all_of_them():
    machine = machine_of(p=(), c=("p",))
    machine.take_ready()
    machine.start("p")
    machine.retry("p")
    machine.due("p")
    run_all(machine, "p")
    machine.take_ready()
    machine.start("c")
    machine.retry("c")
    machine.due("c")
    machine.take_ready()
    machine.start("c")

    machine.damaged("c", "p")

    assert machine.nodes["p"].retries == 0
    assert machine.nodes["c"].retries == 1


# Any graph, any order


@st.composite
def graphs(draw):
    """Acyclic graphs of up to 30 invocations, as upstream by id, in topological order."""
    size = draw(st.integers(1, 30))
    return {
        f"n{i}": tuple(sorted(draw(st.sets(st.sampled_from([f"n{j}" for j in range(i)]), max_size=4))))
        if i
        else ()
        for i in range(size)
    }


class Story:
    """A run with random ends, judged by the graph alone."""

    def __init__(self, graph, mode, data):
        self.graph, self.data = graph, data
        self.machine = Machine([call(name, *after) for name, after in graph.items()], mode)
        self.mode = mode
        self.ready, self.running, self.waiting = [], [], []
        self.retries = dict.fromkeys(graph, 0)
        self.executions = dict.fromkeys(graph, 0)
        self.is_stopped = False

    def play(self, ends):
        for _ in range(40 * len(self.graph)):
            self.ready += self.machine.take_ready()
            if self.machine.is_over:
                return
            self.turn(ends)
        pytest.fail(f"never over: {states(self.machine)}")

    def turn(self, ends):
        machine = self.machine
        self.ready = [name for name in self.ready if machine.nodes[name].state == "ready"]
        self.waiting = [name for name in self.waiting if machine.nodes[name].state == "retrying"]
        choices = (["start"] if self.ready else []) + (["end"] if self.running else [])
        choices += ["due"] if self.waiting else []
        assert choices, f"stuck: {states(machine)}"
        choice = self.data.draw(st.sampled_from(choices))
        if choice == "due":
            machine.due(self.waiting.pop(self.data.draw(st.integers(0, len(self.waiting) - 1))))
            return
        if choice == "start":
            name = self.ready.pop(self.data.draw(st.integers(0, len(self.ready) - 1)))
            for upstream in self.graph[name]:
                assert machine.nodes[upstream].state in SUCCEEDED, f"{name} before {upstream}"
            if "cached" in ends and self.executions[name] == 0 and self.data.draw(st.booleans()):
                machine.cached(name)
                return
            assert not machine.is_stopping
            self.executions[name] += 1
            machine.start(name)
            self.running.append(name)
            return
        name = self.running.pop(self.data.draw(st.integers(0, len(self.running) - 1)))
        self.end(name, self.data.draw(st.sampled_from(ends)))

    def end(self, name, how):
        machine = self.machine
        if how == "stop" and not self.is_stopped:
            self.is_stopped = True
            machine.stop()
            for other in (name, *self.running):
                machine.stopped(other)
            self.running.clear()
        elif how == "failed":
            machine.failed(name)
        elif how == "retry" and machine.nodes[name].retries < MOST_RETRIES:
            if machine.retry(name):
                self.waiting.append(name)
                self.retries[name] += 1
            else:
                assert machine.is_stopping or any(
                    machine.nodes[one].state in TERMINAL for one in self.graph[name]
                )
                machine.failed(name)
        elif how == "damaged" and self.graph[name]:
            if not machine.damaged(name, self.data.draw(st.sampled_from(self.graph[name]))):
                machine.failed(name)
        else:
            machine.completed(name)


@given(graph=graphs(), mode=st.sampled_from(MODES), data=st.data())
@settings(max_examples=120, deadline=None)
def test_a_run_ends_with_every_invocation_ended(graph, mode, data):
    story = Story(graph, mode, data)

    story.play(["completed", "completed", "completed", "failed", "retry", "damaged", "cached", "stop"])

    assert not story.machine.running
    assert set(states(story.machine).values()) <= {*TERMINAL, *SUCCEEDED}


@given(graph=graphs(), data=st.data())
@settings(max_examples=60, deadline=None)
def test_without_failures_everything_is_executed_once_in_topological_order(graph, data):
    story = Story(graph, "continue_on_failure", data)

    story.play(["completed"])

    assert set(story.executions.values()) == {1}
    assert story.machine.verdict() == "completed"


@given(graph=graphs(), data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_step_is_executed_once_and_once_more_for_each_retry(graph, data):
    story = Story(graph, "continue_on_failure", data)

    story.play(["completed", "retry"])

    assert story.executions == {name: 1 + retries for name, retries in story.retries.items()}
    assert story.machine.verdict() == "completed"
    assert all(node.retries <= MOST_RETRIES for node in story.machine.nodes.values())


@given(graph=graphs(), data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_run_that_goes_on_skips_exactly_what_depends_on_a_failure(graph, data):
    story = Story(graph, "continue_on_failure", data)

    story.play(["completed", "completed", "failed", "retry", "cached"])

    ends = states(story.machine)
    for name, upstream in graph.items():
        has_to_skip = any(ends[one] in ("failed", "skipped") for one in upstream)
        assert (ends[name] == "skipped") == has_to_skip


@given(graph=graphs(), mode=st.sampled_from(["stop_on_failure", "fail_fast"]), data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_run_that_stops_on_failure_skips_exactly_what_had_not_started(graph, mode, data):
    story = Story(graph, mode, data)

    story.play(["completed", "completed", "failed", "retry"])

    ends = states(story.machine)
    has_failure = "failed" in ends.values()
    for name, end in ends.items():
        has_begun = story.executions[name] > story.retries[name]  # its last attempt has
        assert (end == "skipped") == (has_failure and not has_begun)


@given(graph=graphs(), data=st.data())
@settings(max_examples=120, deadline=None)
def test_a_step_is_executed_once_and_once_more_for_each_repair_of_either_side(graph, data):
    story = Story(graph, "continue_on_failure", data)

    story.play(["completed", "damaged"])

    for node in story.machine.nodes.values():
        assert node.repairs <= MAX_REPAIRS


class OpenStory(Story):
    """A run whose invocations are added while it goes on, some of which are cancelled or whose failure is taken."""

    def __init__(self, graph, mode, data):
        super().__init__({}, mode, data)
        self.machine = Machine([], mode, is_open=True)
        self.left = list(graph.items())
        self.all = graph
        self.executions, self.retries = dict.fromkeys(graph, 0), dict.fromkeys(graph, 0)

    def play(self, ends):
        for _ in range(60 * len(self.all) + 60):
            self.ready += self.machine.take_ready()
            if self.machine.is_over:
                return
            if self.machine.is_open and (self.data.draw(st.booleans()) or not self.has_choice()):
                self.go_on()
            else:
                self.turn(ends)
        pytest.fail(f"never over: {states(self.machine)}")

    def has_choice(self):
        nodes = self.machine.nodes
        return bool(self.running) or any(nodes[one].state in ("ready", "retrying") for one in nodes)

    def go_on(self):
        """Do the next thing that the function does."""
        known = list(self.graph)
        what = self.data.draw(st.sampled_from(["add", "add", "cancel", "handle"])) if known else "add"
        if what == "add" and self.left:
            name, upstream = self.left.pop(0)
            self.graph[name] = upstream
            self.machine.add(call(name, *upstream))
        elif what == "add":
            self.machine.close()
        elif what == "cancel":
            self.machine.cancel(self.data.draw(st.sampled_from(known)))
        else:
            self.machine.handle(self.data.draw(st.sampled_from(known)))


@given(graph=graphs(), mode=st.sampled_from(MODES), data=st.data())
@settings(max_examples=120, deadline=None)
def test_an_open_run_ends_once_it_is_closed_whatever_is_added_and_cancelled(graph, mode, data):
    story = OpenStory(graph, mode, data)

    story.play(["completed", "completed", "failed", "retry", "damaged", "cached", "stop"])

    machine = story.machine
    assert not machine.running
    assert not machine.is_open
    assert set(states(machine).values()) <= {*TERMINAL, *SUCCEEDED}
    unhandled = [one for one in machine.failures if one not in machine.handled]
    if not story.is_stopped:
        assert machine.verdict() == ("failed" if unhandled else "completed")

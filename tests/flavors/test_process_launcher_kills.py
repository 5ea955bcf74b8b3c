"""Whoever is killed, no process of a step is left."""

import contextlib
import os
import signal
import subprocess
import sys

import pytest
from process_launcher_helpers import (
    SECONDS,
    forkserver_of,
    is_alive,
    wait_until_gone,
    warden_of,
    watch,
)

from zenml.flavors.process_launcher import ProcessLauncher

OWNER = os.path.join(os.path.dirname(__file__), "process_launcher_owner.py")


@pytest.fixture
def launcher():
    launcher = ProcessLauncher()
    yield launcher
    launcher.close()


class Owner:
    """The program of `process_launcher_owner`, once it has told all process ids."""

    def __init__(self, behaviour):
        self.program = subprocess.Popen(
            [sys.executable, OWNER, behaviour],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.program.stdout.readline() == "top level of the program\n"
        words = self.program.stdout.readline().split()
        self.pids = {}
        for role, pid in zip(words[::2], words[1::2], strict=True):
            self.pids.setdefault(role, []).append(int(pid))

    def kill(self, *roles, number=signal.SIGKILL):
        for role in roles:
            for pid in self.pids[role]:
                with contextlib.suppress(ProcessLookupError):  # gone with the one before
                    os.kill(pid, number)

    def wait_until_gone(self, *, without=()):
        self.program.wait(SECONDS)
        wait_until_gone([pid for role, pids in self.pids.items() if role not in without for pid in pids])


@pytest.fixture
def start_owner():
    owners = []

    def start(behaviour="wait"):
        owners.append(Owner(behaviour))
        return owners[-1]

    yield start
    for owner in owners:
        for pid in (pid for pids in owner.pids.values() for pid in pids if is_alive(pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        owner.program.communicate(timeout=SECONDS)


# -- the owner ends


@pytest.mark.parametrize("also", [(), ("forkserver",), ("warden",), ("step",)], ids=str)
def test_nothing_survives_a_killed_owner(start_owner, also):
    owner = start_owner()

    owner.kill("owner", *also)

    owner.wait_until_gone()


def test_a_step_does_not_survive_the_death_of_all_that_watch_it(start_owner):
    """The kernel itself ends the step, even while C code holds the interpreter lock."""
    owner = start_owner("wait-for-c")

    owner.kill("warden", "forkserver", "owner", number=signal.SIGSTOP)
    owner.kill("warden", "forkserver", "owner")

    owner.wait_until_gone()


def test_a_stopped_forkserver_does_not_save_a_step(start_owner):
    owner = start_owner()

    owner.kill("forkserver", number=signal.SIGSTOP)
    owner.kill("owner")

    owner.wait_until_gone()


@pytest.mark.parametrize("behaviour", ["return", "raise"])
def test_nothing_survives_an_owner_that_ends_without_close(start_owner, behaviour):
    owner = start_owner(behaviour)

    owner.wait_until_gone()


def test_a_fork_of_the_owner_does_not_keep_steps_alive(start_owner):
    owner = start_owner("forked")

    owner.kill("owner")

    owner.wait_until_gone(without=("fork",))
    assert is_alive(owner.pids["fork"][0])


def test_ctrl_c_reaches_the_owner_only(start_owner):
    owner = start_owner()

    os.killpg(owner.program.pid, signal.SIGINT)  # what a terminal does

    owner.wait_until_gone()
    assert owner.program.returncode == 0, owner.program.stderr.read()


# -- a helper ends


@pytest.mark.parametrize("helper", [forkserver_of, warden_of])
def test_a_killed_helper_ends_its_steps_and_the_next_task_gets_a_new_one(launcher, helper):
    steps = [watch(launcher, "stay_with_family") for _ in range(2)]
    pids = [int(pid) for step in steps for pid in step.wait_for_event().split()]
    helpers = [forkserver_of(launcher), warden_of(launcher)]

    os.kill(helper(launcher), signal.SIGKILL)
    ends = [step.wait() for step in steps]

    assert all(end.answer is None and "forkserver" in end.problem for end in ends)
    assert not any(is_alive(pid) for pid in pids)
    wait_until_gone(helpers)
    assert watch(launcher, "has_module", b"os").wait().answer == b"yes"


# -- cancel


def test_a_cancelled_tree_is_gone_when_its_end_is_told(launcher):
    watched = watch(launcher, "stay_with_family")
    pids = [int(pid) for pid in watched.wait_for_event().split()]

    end = watched.cancel(grace=0.05)

    assert end.is_cancelled
    assert not any(is_alive(pid) for pid in pids)


@pytest.mark.parametrize("function", ["hold_the_interpreter", "stop_itself", "wait_for_ever"])
@pytest.mark.parametrize("grace", [0, 0.05])
def test_no_state_of_a_step_withstands_cancel(launcher, function, grace):
    watched = watch(launcher, function)
    pid = int(watched.wait_for_event())

    end = watched.cancel(grace=grace)

    assert end.signal in {signal.SIGTERM, signal.SIGKILL}
    assert not is_alive(pid)


def test_the_grace_is_for_the_whole_tree(launcher):
    watched = watch(launcher, "let_child_finish")
    watched.wait_until(lambda: b"child ready" in watched.output)

    end = watched.cancel(grace=SECONDS)

    assert end.signal == signal.SIGTERM
    assert b"child finished" in watched.output


def test_the_grace_of_one_step_delays_no_other(launcher):
    slow = watch(launcher, "ignore_sigterm_as_child")
    slow.wait_until(lambda: b"ready" in slow.output)
    launcher.cancel(slow.handle, grace=SECONDS * 100)

    other = watch(launcher, "leave_family")
    other.wait()

    assert not any(is_alive(int(pid)) for pid in other.events[0].split())
    assert not slow.ends
    assert slow.cancel(grace=0).is_cancelled


def test_cancel_ends_a_task_that_waits_for_a_hanging_import(launcher, tmp_path):
    (tmp_path / "hangs.py").write_text("import threading; threading.Event().wait()")
    options = {"preload": ("hangs",), "sys_path": (*sys.path, str(tmp_path))}
    watched = watch(launcher, "has_module", **options)

    end = watched.cancel(grace=0)

    assert end.is_cancelled
    assert end.answer is None
    assert watch(launcher, "has_module", b"os", **options).wait().answer == b"yes"


def test_cancel_of_one_step_leaves_the_other_alone(launcher):
    first, second = (watch(launcher, "stay_with_family") for _ in range(2))
    first.wait_for_event()
    pids = [int(pid) for pid in second.wait_for_event().split()]

    first.cancel(grace=0)

    assert all(is_alive(pid) for pid in pids)
    assert not second.ends


# -- a step ends


@pytest.mark.parametrize("way", [b"return", b"crash"])
@pytest.mark.parametrize("is_alone", [True, False])
def test_what_a_step_leaves_behind_is_gone_when_its_end_is_told(launcher, way, is_alone):
    others = [] if is_alone else [watch(launcher, "stay_with_family")]
    for other in others:
        other.wait_for_event()

    watched = watch(launcher, "leave_family", way)
    watched.wait()

    assert not any(is_alive(int(pid)) for pid in watched.events[0].split())
    assert all(is_alive(int(pid)) for other in others for pid in other.events[0].split())

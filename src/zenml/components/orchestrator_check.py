"""The conformance check of orchestrators: what each must do, as functions that raise `AssertionError`.

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_my_orchestrator_conforms(check):
        check(lambda: MyOrchestrator(config, place))

What the launchers of an orchestrator must do is in `zenml.components.launcher_check`; those checks are
run with `lambda: make().launcher()`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import TypeAlias

from zenml.components.launcher import Launcher
from zenml.components.launcher_check import Watched, make_task
from zenml.components.orchestrator import Orchestrator

OrchestratorFactory: TypeAlias = Callable[[], Orchestrator]


def says_whether_the_caller_waits(make: OrchestratorFactory) -> None:
    """`synchronous` is true or false without a connection."""
    said = make().synchronous
    _expect(isinstance(said, bool), f"synchronous is {said!r}")


def gives_each_run_a_launcher_of_its_own(make: OrchestratorFactory) -> None:
    """Closing the launcher of one run leaves those of others alone."""
    orchestrator = make()
    first, second = orchestrator.launcher(), orchestrator.launcher()
    with closing(second):
        _expect(isinstance(first, Launcher), f"launcher() returned a {type(first).__name__}")
        _expect(first is not second, "two runs got the same launcher")
        first.close()

        end = Watched(second, make_task("repeat", b"tick")).wait()

        _expect(end.answer == b"ticktick", f"the second launcher answers {end}")


def _expect(is_met: bool, problem: str) -> None:  # noqa: FBT001  reads as a sentence
    if not is_met:
        raise AssertionError(problem)


CHECKS: tuple[Callable[[OrchestratorFactory], None], ...] = (
    says_whether_the_caller_waits,
    gives_each_run_a_launcher_of_its_own,
)

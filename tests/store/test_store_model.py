"""The store loses nothing and makes nothing up, whatever owners and people do to it, in any order."""

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from store_machine import StoreMachine

EXAMPLES = 2000


def test_the_store_does_what_the_model_says(tmp_path):
    StoreMachine.prepare(tmp_path / "template")

    run_state_machine_as_test(
        StoreMachine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

    assert StoreMachine.examples >= EXAMPLES

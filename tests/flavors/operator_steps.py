"""Steps that a step operator runs: the module is imported in environments that have nothing but their packages."""

import importlib.util
import os

from zenml import step


@step(step_operator="tools", settings={"step_operator": {"requirements": ["tiny==1.0"]}})
def with_first() -> str:
    import tiny

    return tiny.VERSION


@step(step_operator=True, settings={"step_operator.venv": {"requirements": ["tiny==2.0"]}})
def with_second(before: str) -> str:
    import tiny

    return f"{before} and {tiny.VERSION}"


@step(step_operator="tools")
def with_any() -> str:
    import tiny

    return tiny.VERSION


@step
def outside(text: str) -> str:
    return f"{text}, here {'with' if importlib.util.find_spec('_pytest') else 'without'}"


@step(step_operator="tools", settings={"step_operator": {"requirements": ["no-such-package"]}})
def without_environment() -> None: ...


@step(step_operator="tools", retry={"max_retries": 1})
def dies() -> None:
    os._exit(3)

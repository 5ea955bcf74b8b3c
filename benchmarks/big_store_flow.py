"""The runs that a big store is made of: real ones, of as many pipelines as somebody has after a year."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Annotated, Any

from zenml import Model, Tag, log_metadata, pipeline, step
from zenml.store.opening import open_store

PIPELINES = 50
MODELS = 10
"""Pipelines that work on a model, each run on a version of its own."""
STEPS = 5
EVERY_TENTH = 10
DEATHS = 3
"""Pipelines of which a run dies with its process."""


@step
def load(seed: int) -> Annotated[int, "rows"]:
    return seed


@step
def clean(rows: int, how: str) -> int:
    if how == "fails":
        raise ValueError(f"row {rows} has no label")
    return rows + 1


@step
def train(cleaned: int, rate: float, how: str) -> Annotated[dict[str, float], "model"]:
    if how == "dies":
        os._exit(9)
    log_metadata({"rate": rate, "loss": 1 / cleaned})
    return {"weight": cleaned * rate}


@step
def evaluate(model: dict[str, float], rows: int) -> float:
    log_metadata({"accuracy": 0.9})
    return model["weight"] / rows


@step
def tell(accuracy: float, model: dict[str, float]) -> str:
    return f"{accuracy:.3f} with {model}"


def flow(seed: int, rate: float = 0.5, how: str = "ends") -> str:
    rows = load(seed)
    model = train(clean(rows, how), rate, how)
    return tell(evaluate(model, rows), model)


def flow_number(number: int) -> Any:
    """Return one of the pipelines; some have tags, some work on a model."""
    tags: list[str | Tag] = ["nightly"] if number % EVERY_TENTH == 0 else []
    tags += [Tag("release", cascade=True)] if number == PIPELINES - 1 else []
    model = Model(f"model_{number:02d}") if number < MODELS else None
    return pipeline(flow, name=f"pipeline_{number:02d}", tags=tags, model=model)


def run_all() -> None:
    """Run each pipeline into the active store, once executed, once cached, and once with a step that fails."""
    for number in range(PIPELINES):
        one = flow_number(number)
        one(seed=number + 1)
        one(seed=number + 1)
        with suppress(ValueError):
            one(seed=number + 1, how="fails")


def run_to_death() -> None:
    """Have the processes of some runs die in the third step: the runs stay recorded as running."""
    for number in range(DEATHS):
        _in_child(number)


def _in_child(number: int) -> None:
    open_store()
    child = os.fork()
    if child == 0:
        try:
            flow_number(number)(seed=-1 - number, rate=0.1, how="dies")
        finally:
            os._exit(1)
    os.waitpid(child, 0)

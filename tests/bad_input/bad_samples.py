"""Sound steps and pipelines, which the rows use wrongly, and the names that they are written with."""

import asyncio  # noqa: F401
import threading  # noqa: F401
from collections.abc import Generator, Iterator  # noqa: F401
from datetime import datetime, timedelta  # noqa: F401
from typing import Annotated, Any, Literal  # noqa: F401

from zenml import (  # noqa: F401
    ArtifactConfig,
    ExternalArtifact,
    Model,
    Tag,
    add_tags,
    get_step_context,
    load_artifact,
    log_metadata,
    pipeline,
    remove_tags,
    save_artifact,
    step,
)
from zenml.client import Client  # noqa: F401
from zenml.config import (  # noqa: F401
    CachePolicy,
    DockerSettings,
    PipelineRunConfiguration,
    ResourceSettings,
    Schedule,
    StepRetryConfig,
)

RAN = []
"""The names of the steps that ran."""


@step
def load() -> int:
    RAN.append("load")
    return 1


@step
def double(x: int) -> int:
    RAN.append("double")
    return 2 * x


@step
def scale(x: int, factor: float = 2.0, label: str = "") -> float:
    RAN.append("scale")
    return x * factor


@step
def split() -> tuple[Annotated[int, "low"], Annotated[int, "high"]]:
    RAN.append("split")
    return 1, 2


@step
def nothing() -> None:
    RAN.append("nothing")


@step
def words() -> str:
    RAN.append("words")
    return "a"


@step
def total(parts: list[int]) -> int:
    RAN.append("total")
    return sum(parts)


@step
def keep(value: Any) -> None:
    RAN.append("keep")


@pipeline
def flow(rate: float = 0.5, rounds: int = 1):
    double(load())
    scale(rounds, factor=rate)

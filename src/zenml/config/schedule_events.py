"""What may start a run instead of a time: the end of another run, or a new version of an artifact or a model.

Each has a `kind`, a `name` and `statuses`, from which the store's record of it is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from zenml.config.fields import explained, made, nearest
from zenml.config.preview import preview
from zenml.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

EndState = Literal["completed", "failed", "stopped", "interrupted"]
END_STATES: tuple[EndState, ...] = get_args(EndState)
"""In which a run can end."""


class _Event:
    """Compares by what it says."""

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash((type(self).__name__, *vars(self).values()))


@explained
class RunEnded(_Event):
    """A run of a pipeline ended.

    Example:
        `Schedule(on=RunEnded("train"))` runs after each run of `train` that completed.

    Attributes:
        pipeline: the name of the pipeline, for which the pipeline itself may be given.
        statuses: the states that count: `completed`, `failed`, `stopped`, `interrupted`.
    """

    kind: ClassVar[Literal["run_ended"]] = "run_ended"

    def __init__(self, pipeline: Any, status: str | Iterable[str] | None = "completed") -> None:
        """Check and keep it; `status` is a state, a list of states, or `any`."""
        name = pipeline if isinstance(pipeline, str) else getattr(pipeline, "name", None)
        self.pipeline = _name(name, "pipeline", "RunEnded", shown=pipeline)
        self.statuses = _read_statuses(status)

    @property
    def name(self) -> str:
        """The name of the pipeline."""
        return self.pipeline

    def __repr__(self) -> str:
        said = f", status={list(self.statuses)!r}" if self.statuses != ("completed",) else ""
        return f"RunEnded({self.pipeline!r}{said})"


@explained
class NewArtifact(_Event):
    """A new version of an artifact was stored.

    Example:
        `Schedule(on=NewArtifact("dataset"))`

    Attributes:
        name: the name of the artifact.
    """

    kind: ClassVar[Literal["artifact"]] = "artifact"
    statuses: ClassVar[tuple[EndState, ...]] = ()

    def __init__(self, name: str) -> None:
        """Check and keep it."""
        self.name = _name(name, "name", "NewArtifact")

    def __repr__(self) -> str:
        return f"NewArtifact({self.name!r})"


@explained
class NewModelVersion(_Event):
    """A new version of a model was made.

    Example:
        `Schedule(on=NewModelVersion("churn"))`

    Attributes:
        name: the name of the model.
    """

    kind: ClassVar[Literal["model_version"]] = "model_version"
    statuses: ClassVar[tuple[EndState, ...]] = ()

    def __init__(self, name: str) -> None:
        """Check and keep it."""
        self.name = _name(name, "name", "NewModelVersion")

    def __repr__(self) -> str:
        return f"NewModelVersion({self.name!r})"


Event = RunEnded | NewArtifact | NewModelVersion
_IN_FILES: dict[str, Callable[..., Event]] = {
    "run_ended": RunEnded,
    "new_artifact": NewArtifact,
    "new_model_version": NewModelVersion,
}


def read_event(given: Any) -> Event:
    """Return the event that is given, or that a mapping such as `{new_artifact: {name: dataset}}` stands for.

    Raises:
        ConfigurationError: it is none.
    """
    if isinstance(given, Event):
        return given
    known = ", ".join(f"`{name}`" for name in _IN_FILES)
    if not isinstance(given, dict):
        raise ConfigurationError(
            f"`on` of a Schedule is {preview(given)}; it must be a `RunEnded(…)`, `NewArtifact(…)` or "
            f"`NewModelVersion(…)`, or a mapping with one of {known}."
        )
    if len(given) != 1:
        raise ConfigurationError(
            f"`on` of a Schedule names {len(given)} events, and it must be one of {known}. "
            "For several events, make several schedules."
        )
    ((kind, fields),) = given.items()
    if kind not in _IN_FILES:
        close = nearest(kind, _IN_FILES)
        hint = f"Did you mean `{close}`?" if close else f"There are {known}."
        raise ConfigurationError(f"`on` of a Schedule has no event {preview(kind)}. {hint}")
    if not isinstance(fields, dict):
        example = "{pipeline: train}" if kind == "run_ended" else "{name: dataset}"
        raise ConfigurationError(
            f"`on.{kind}` of a Schedule is {preview(fields)}; it must be a mapping, such as `{kind}: {example}`."
        )
    return made(_IN_FILES[kind], fields, f"`on.{kind}` of a Schedule")


def _name(given: Any, field: str, what: str, *, shown: Any = None) -> str:
    if isinstance(given, str) and given.strip():
        return given
    more = ", or the pipeline itself" if field == "pipeline" else ""
    raise ConfigurationError(
        f"`{field}` of {what} is {preview(given if shown is None else shown)}; it must be a name{more}."
    )


def _read_statuses(given: Any) -> tuple[EndState, ...]:
    """Return the states that are meant, in one order, so that equal events are equal."""
    if given is None:
        return ("completed",)
    if isinstance(given, str) and given == "any":
        return END_STATES
    listed = given if isinstance(given, (list, tuple, set, frozenset)) else [given]
    for one in listed:
        if not isinstance(one, str) or one not in END_STATES:
            close = nearest(one, END_STATES) if isinstance(one, str) else None
            hint = f"Did you mean `{close}`? " if close else ""
            states = ", ".join(f"`{state}`" for state in END_STATES)
            raise ConfigurationError(
                f"`status` of RunEnded is {preview(one)}, in which no run ends. {hint}It is {states}, a list of them, "
                "or `any`."
            )
    if not listed:
        raise ConfigurationError(
            "`status` of RunEnded is an empty list: nothing would ever count. Name a state, or leave it out."
        )
    return tuple(state for state in END_STATES if state in listed)

"""How a step is executed: where, how long, how often, in which environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from zenml.compile.hook_options import hook_sources
from zenml.config.fields import made
from zenml.config.preview import preview
from zenml.errors import ConfigurationError
from zenml.records.plan import ModelSpec, Retry, Runtime
from zenml.records.tagging import read_tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zenml.compile.hook_options import LiveHooks


NEEDING_A_PROCESS = ("environment", "secrets", "experiment_tracker", "step_operator")
"""Options of what is of a whole process; a tracker patches libraries."""


def execution_options(chosen: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Return where a step runs and for how long.

    What needs a process of its own gets one, unless `runtime="inline"` is said in so many words.
    """
    runtime, timeout = chosen.get("runtime"), chosen.get("timeout")
    if runtime is not None and runtime not in get_args(Runtime):
        raise ConfigurationError(
            f"`runtime` of {what} is {preview(runtime)}; it can be `inline` or `isolated`."
        )
    if timeout is not None and (
        isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 0 < timeout < float("inf")
    ):
        raise ConfigurationError(
            f"`timeout` of {what} is {preview(timeout)}; it must be seconds, greater than 0."
        )
    if timeout is not None and runtime == "inline":
        raise ConfigurationError(
            f'{what} has a `timeout` and `runtime="inline"`. A function inside this process cannot be '
            'ended: leave `runtime` out, or set it to "isolated".'
        )
    if runtime == "inline" and chosen.get("step_operator"):
        raise ConfigurationError(
            f'{what} has a `step_operator` and `runtime="inline"`. A step operator executes it elsewhere: leave one of '
            "both out."
        )
    if runtime is None and (timeout is not None or any(chosen.get(name) for name in NEEDING_A_PROCESS)):
        runtime = "isolated"
    return {"runtime": runtime, "timeout": None if timeout is None else float(timeout)}


def shared_options(chosen: Mapping[str, Any], hooks: LiveHooks, what: str) -> dict[str, Any]:
    """Return what a pipeline can say for all its steps, and a step for itself."""
    return {
        "environment": _environment(chosen, what),
        "secrets": _names(chosen, "secrets", what),
        "retry": read_retry(chosen.get("retry"), what),
        "hooks": hook_sources(hooks),
        "model": read_model(chosen.get("model"), what),
        "substitutions": _texts(chosen, "substitutions", what),
    }


def read_retry(given: Any, what: str) -> Retry | None:
    """Return the record of a retry configuration, which may be a mapping of its fields, or a number."""
    if given is None:
        return None
    from zenml.config.retry_config import StepRetryConfig

    if type(given) is int:
        given = {"max_retries": given}
    if isinstance(given, dict):
        given = made(StepRetryConfig, given, f"`retry` of {what}")
    if not isinstance(given, StepRetryConfig):
        raise ConfigurationError(f"`retry` of {what} is {preview(given)}. Give it a `StepRetryConfig(…)`.")
    if not given.max_retries:
        return None
    return Retry(
        max_retries=int(given.max_retries),
        delay=float(given.delay),
        backoff=float(given.backoff or 1),
        max_delay=None if given.max_delay is None else float(given.max_delay),
        jitter=float(given.jitter),
        retry_on=given.retry_on,
    )


def read_model(given: Any, what: str) -> ModelSpec | None:
    """Return the record of a model, which may be a mapping of its fields."""
    if given is None:
        return None
    from zenml.config.model import Model

    if isinstance(given, dict):
        given = made(Model, given, f"`model` of {what}")
    if not isinstance(given, Model):
        raise ConfigurationError(f"`model` of {what} is {preview(given)}. Give it a `Model(name=…)`.")
    return ModelSpec(
        given.name,
        given.version,
        read_tags(given.tags, f"model `{given.name}`"),
        given.about,
        is_registered=given.save_models_to_registry,
    )


def read_count(chosen: Mapping[str, Any], name: str, what: str) -> int | None:
    """Return an option that is a number from 1 up."""
    value = chosen.get(name)
    if value is not None and (type(value) is not int or value < 1):
        raise ConfigurationError(f"`{name}` of {what} is {preview(value)}; it must be a number from 1 up.")
    return value


def read_text(chosen: Mapping[str, Any], name: str, what: str) -> str | None:
    """Return an option that is text."""
    value = chosen.get(name)
    if name == "group":
        value = value.get("name") if isinstance(value, dict) else getattr(value, "name", value)
    else:
        value = getattr(value, "value", value)
    if value is not None and not (isinstance(value, str) and value.strip() and value.isprintable()):
        raise ConfigurationError(f"`{name}` of {what} is {preview(value)}; it must be printable text.")
    return value


def _environment(chosen: Mapping[str, Any], what: str) -> dict[str, str]:
    """Return environment variables, which the system can hold."""
    found = _texts(chosen, "environment", what)
    for key, value in found.items():
        if "=" in key or "\0" in key + value:
            raise ConfigurationError(
                f"`environment` of {what} sets {preview(key)}: no name of a variable holds `=`, and neither name nor "
                "value a NUL character."
            )
    return found


def _texts(chosen: Mapping[str, Any], name: str, what: str) -> dict[str, str]:
    """Return a mapping of names to texts; numbers are written out."""
    given = chosen.get(name) or {}
    if not isinstance(given, dict):
        raise ConfigurationError(
            f"`{name}` of {what} is {preview(given)}. Give it a mapping of names to texts."
        )
    found = {}
    for key, value in given.items():
        is_plain = isinstance(value, (str, int, float)) and not isinstance(value, bool)
        if not isinstance(key, str) or not key or not is_plain:
            raise ConfigurationError(
                f"`{name}` of {what} sets {preview(key)} to {preview(value)}; both must be text."
            )
        found[key] = str(value)
    return found


def _names(chosen: Mapping[str, Any], name: str, what: str) -> tuple[str, ...]:
    """Return a list of names."""
    given = chosen.get(name) or ()
    if not isinstance(given, (list, tuple, set, frozenset)):
        shown = f'; write `{name}=["{given}"]`' if isinstance(given, str) else f", and not {preview(given)}"
        raise ConfigurationError(f"`{name}` of {what} is a list{shown}.")
    found = tuple(given)
    for one in found:
        if not isinstance(one, str) or not one.strip():
            raise ConfigurationError(
                f"`{name}` of {what} holds {preview(one)}; a secret is called by its name."
            )
    return tuple(dict.fromkeys(found))

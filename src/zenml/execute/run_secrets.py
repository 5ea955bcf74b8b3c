"""The secrets of a run: read once, before anything is recorded, and checked for every step that asks.

Values leave this module as variables for a process, and as fingerprints for the cache key.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from zenml.context import masking
from zenml.errors import ConfigurationError, NotFoundError
from zenml.records.run import Secret
from zenml.signatures.signature import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zenml.records.plan import Plan, StepOptions
    from zenml.store.store import Store

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class RunSecrets:
    """Values and fingerprints of the secrets that a run uses, by name."""

    def __init__(
        self, values: Mapping[str, Mapping[str, str]] | None = None, prints: Mapping[str, str] | None = None
    ) -> None:
        self._values = dict(values or {})
        self.prints = dict(prints or {})
        """What the cache key holds in the place of the values."""

    def add(self, others: RunSecrets) -> None:
        """Take in the secrets of steps that came later."""
        self._values.update(others._values)
        self.prints.update(others.prints)

    def variables(self, names: Sequence[str]) -> dict[str, str]:
        """Return the environment variables that some secrets come to."""
        return {key: value for name in names for key, value in self._values[name].items()}


def read_secrets(plan: Plan, store: Store) -> RunSecrets:
    """Read the secrets that the steps of a plan ask for, and have their values masked from now on.

    Raises:
        NotFoundError: one does not exist.
        ConfigurationError: a key is no name of a variable, or two values want the same variable.
        SecretUnreadableError: one cannot be decrypted.
    """
    wanted = {name for definition in plan.definitions.values() for name in definition.options.secrets}
    if not wanted:
        return RunSecrets()
    found = {one.name: one for one in store.select(Secret, name=tuple(sorted(wanted)))}
    for name in sorted(wanted - found.keys()):
        known = [one.name for one in store.select(Secret)]
        raise NotFoundError(
            f"There is no secret `{name}`, which {_who_asks(plan, name)} asks for. {did_you_mean(name, known)}"
            f"Create it with `zenml secret create {name}`. Nothing was run."
        )
    opened = {name: store.secrets.open(secret) for name, secret in found.items()}
    secrets = RunSecrets(
        {name: one.values for name, one in opened.items()},
        {name: one.fingerprint() for name, one in opened.items()},
    )
    for one in opened.values():
        for value in one.values.values():
            masking.register_secret(value)
    for definition in plan.definitions.values():
        if definition.options.secrets:
            _check_variables(secrets, definition.options, f"step `{definition.name}`")
    return secrets


def _check_variables(secrets: RunSecrets, options: StepOptions, what: str) -> None:
    owners = dict.fromkeys(options.environment, "its `environment`")
    for name in options.secrets:
        for key, value in secrets.variables((name,)).items():
            if not _VARIABLE.fullmatch(key) or "\0" in value:
                problem = "whose value holds a NUL character" if _VARIABLE.fullmatch(key) else "of that name"
                raise ConfigurationError(
                    f"Secret `{name}`, which {what} asks for, has the key `{key}`: there can be no environment "
                    f"variable {problem}. Rename the key, or read the secret in the step with "
                    f'`Client().get_secret("{name}")`.'
                )
            if key in owners:
                raise ConfigurationError(
                    f"The variable `{key}` of {what} would be set by secret `{name}` and by {owners[key]}. "
                    "Rename one of them, or ask for one only."
                )
            owners[key] = f"secret `{name}`"


def _who_asks(plan: Plan, name: str) -> str:
    if name in plan.options.secrets:
        return f"pipeline `{plan.pipeline}`"
    asking = {one.name for one in plan.definitions.values() if name in one.options.secrets}
    return f"step {' and '.join(f'`{step}`' for step in sorted(asking))}"

"""The configuration of a run as one value: `my_pipeline.with_options(**PipelineRunConfiguration(…))()`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from zenml.config.option_table import ALIASES, PIPELINE, RUN, names_of
from zenml.config.precedence import check_options, spelled

if TYPE_CHECKING:
    import os
    from typing import Self

FIELDS = names_of(PIPELINE, RUN) - {"name"}


class PipelineRunConfiguration(Mapping[str, Any]):
    """What `with_options` of a pipeline takes: a mapping of the fields that were set, and of no others.

    Fields can be read as attributes too; one that was not set is None.

    Example:
        `config = PipelineRunConfiguration(enable_cache=False, run_name="experiment")`
    """

    def __init__(self, **fields: Any) -> None:
        """Keep the fields that are not None.

        Raises:
            ConfigurationError: there is no such field; the close one is named.
        """
        given = spelled(fields, "A PipelineRunConfiguration")
        check_options(given, FIELDS, "A PipelineRunConfiguration")
        self._fields = {name: value for name, value in given.items() if value is not None}

    @classmethod
    def from_yaml(cls, path: str | os.PathLike[str]) -> Self:
        """Read a configuration file.

        Raises:
            ConfigurationError: everything that is wrong with it, by line.
        """
        from zenml.config.run_file import read_run_file

        file = read_run_file(path)
        file.raise_problems()
        return cls(**file.options)

    def __getitem__(self, name: str) -> Any:
        return self._fields[ALIASES.get(name, name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __getattr__(self, name: str) -> Any:
        known = ALIASES.get(name, name)
        if name.startswith("_") or known not in FIELDS:
            raise AttributeError(f"`PipelineRunConfiguration` has no field `{name}`")
        return self._fields.get(known)

    def __repr__(self) -> str:
        return f"PipelineRunConfiguration({', '.join(f'{k}={v!r}' for k, v in self._fields.items())})"

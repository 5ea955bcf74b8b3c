"""The model that a pipeline works on, as a user names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.config.fields import explained, nearest
from zenml.config.preview import preview
from zenml.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zenml.config.tag import Tag

ABOUT = ("license", "description", "audience", "use_cases", "limitations", "trade_offs", "ethics")
"""What can be said of a model in words."""


@explained
class Model:
    """A model and one version of it, to which runs, artifacts and metrics are linked.

    Example:
        `@pipeline(model=Model(name="churn", version="production", tags=["classification"]))`

    Attributes:
        name: the name that all versions share.
        version: a number, a name, a stage or "latest"; None for a new version with each run.
        tags: what the model and its version are tagged with.
        save_models_to_registry: whether a model registry, where there is one, gets the version too.
    """

    def __init__(
        self,
        name: str,
        version: str | int | None = None,
        *,
        tags: Sequence[str | Tag] | None = None,
        save_models_to_registry: bool = True,
        **about: str | None,
    ) -> None:
        """Name a model; `about` takes `license`, `description`, `audience`, `use_cases`, `limitations`,
        `trade_offs` and `ethics`.
        """
        if not isinstance(name, str) or not name.strip():
            raise ConfigurationError(
                f"A model is called {preview(name)}. Give it a name: `Model(name='churn')`."
            )
        if version is not None and (isinstance(version, (bool, float)) or not str(version).strip()):
            raise ConfigurationError(
                f"`version` of model `{name}` is {preview(version)}. Give a number, a name, a stage or 'latest'."
            )
        if isinstance(tags, str):
            raise ConfigurationError(f'`tags` of model `{name}` is a list; write `tags=["{tags}"]`.')
        for word in about:
            if word not in ABOUT:
                close = nearest(word, ABOUT)
                hint = f"Did you mean `{close}`? " if close else ""
                raise ConfigurationError(f"A model has no `{word}`. {hint}It takes: {', '.join(ABOUT)}.")
        self.name = name
        self.version = None if version is None else str(version).strip()
        self.tags = tags
        self.save_models_to_registry = save_models_to_registry
        self.about = {word: text for word, text in about.items() if text is not None}

    def __repr__(self) -> str:
        return f"Model(name={self.name!r}, version={self.version!r}, tags={self.tags!r})"

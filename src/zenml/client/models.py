"""Models of the active store: the part of `Client` that creates, finds, promotes and deletes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from zenml.components.active_stack import active_stack
from zenml.config.model import ABOUT
from zenml.errors import ConfigurationError
from zenml.records.events import LoggedTags, Target
from zenml.records.models import Model, ModelVersion
from zenml.records.tagging import read_tags
from zenml.store.store import Notes
from zenml.views.model_view import ModelVersionView, ModelView
from zenml.views.registering import register_version

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.client.tagging import Tags
    from zenml.records.models import Stage
    from zenml.records.query import Page
    from zenml.records.run import NotedKind, Record
    from zenml.store.store import Store


class Lists(Protocol):
    """What `Client` offers to its parts."""

    @property
    def store(self) -> Store:
        """The store."""

    def _list(
        self,
        kind: type[Record],
        sort_by: str,
        page: int,
        size: int,
        filters: dict[str, Any],
        view: Callable[[Any], Any],
        tag: str | None = None,
    ) -> Page: ...


class ModelsClient:
    """Models and their versions."""

    def create_model(self: Lists, name: str, *, tags: Tags | None = None, **about: str | None) -> ModelView:
        """Create a model without a version.

        Args:
            name: the name that all versions will share.
            tags: what the model is tagged with.
            about: `license`, `description`, `audience`, `use_cases`, `limitations`, `trade_offs`, `ethics`.

        Raises:
            ConfigurationError: there is a model of that name, or something else is said of it.
        """
        if not name.strip():
            raise ConfigurationError(f"A model is to be called {name!r}. Give it a name.")
        specs = read_tags(tags, f"model `{name}`")
        model = self.store.models.create(name, _words(about), specs)
        self.store.wait_durable()
        return ModelView(model, self.store)

    def get_model(self: Lists, name_or_id: str) -> ModelView:
        """Return a model by name or id.

        Raises:
            NotFoundError: there is none; close names are listed.
        """
        store = self.store
        return ModelView(store.models.model(name_or_id), store)

    def list_models(
        self: Lists,
        sort_by: str = "desc:created",
        page: int = 1,
        size: int = 20,
        *,
        tag: str | None = None,
        **filters: Any,
    ) -> Page:
        """Return a page of models, those with a tag if one is given."""
        return self._list(Model, sort_by, page, size, filters, lambda one: ModelView(one, self.store), tag)

    def update_model(
        self: Lists,
        name_or_id: str,
        *,
        add_tags: Tags | None = None,
        remove_tags: Tags | None = None,
        **about: str | None,
    ) -> ModelView:
        """Change what is said of a model, and its tags; a word that is None is taken back."""
        store = self.store
        model = store.models.model(name_or_id)
        words = {**model.about, **dict.fromkeys(about, "")} | _words(about)
        store.update(Model, model.id, about={word: text for word, text in words.items() if text})
        _tag(store, "model", model.id, add_tags, remove_tags)
        return ModelView(store.models.model(model.name), store)

    def delete_model(self: Lists, name_or_id: str) -> None:
        """Delete a model with its versions and what was said of them; its runs and artifacts stay."""
        store = self.store
        store.models.delete(store.models.model(name_or_id))
        store.wait_durable()

    # Versions

    def create_model_version(
        self: Lists,
        model: str,
        name: str | None = None,
        *,
        description: str | None = None,
        tags: Tags | None = None,
    ) -> ModelVersionView:
        """Create the next version of a model, called by its number unless it is named.

        Raises:
            ConfigurationError: there is a version of that name, or it is a number.
            NotFoundError: there is no such model.
        """
        specs = read_tags(tags, f"model `{model}`")
        version = self.store.models.create_version(model, name, description, specs)
        self.store.wait_durable()
        return ModelVersionView(version, self.store)

    def get_model_version(self: Lists, model: str, version: str | int | None = None) -> ModelVersionView:
        """Return a version by number, name, stage or "latest"; the newest if none is named.

        Raises:
            NotFoundError: there is no such model or version; what there is, is listed.
        """
        asked = None if version is None else str(version)
        return ModelVersionView(self.store.models.find(model, asked), self.store)

    def list_model_versions(
        self: Lists,
        model: str | None = None,
        sort_by: str = "desc:created",
        page: int = 1,
        size: int = 20,
        *,
        tag: str | None = None,
        **filters: Any,
    ) -> Page:
        """Return a page of versions: of one model if it is named, in one stage with `stage="production"`."""
        if model is not None:
            filters["model_name"] = self.store.models.model(model).name
        view = lambda one: ModelVersionView(one, self.store)  # noqa: E731  as in the other lists
        return self._list(ModelVersion, sort_by, page, size, filters, view, tag)

    def update_model_version(
        self: Lists,
        model: str,
        version: str | int,
        *,
        stage: Stage | None = None,
        force: bool = False,
        description: str | None = None,
        add_tags: Tags | None = None,
        remove_tags: Tags | None = None,
    ) -> ModelVersionView:
        """Promote, describe or tag a version; one of a model is in staging, and one in production.

        Args:
            model: the name of the model.
            version: a number, a name, a stage or "latest".
            stage: where it is to stand: none, staging, production or archived.
            force: the version that is in the stage is archived.
            description: what is said of the version.
            add_tags: tags to put on.
            remove_tags: tags to take off.

        Raises:
            ConfigurationError: there is no such stage, or another version is in it.
            NotFoundError: there is no such model or version.
        """
        store = self.store
        found = store.models.find(model, str(version))
        if stage is not None:
            ModelVersionView(found, store).set_stage(stage, force=force)
        if description is not None:
            store.update(ModelVersion, found.id, description=description)
        _tag(store, "model_version", found.id, add_tags, remove_tags)
        return ModelVersionView(store.models.find(model, str(found.number)), store)

    def register_model_version(self: Lists, model: str, version: str | int | None = None) -> ModelVersionView:
        """Put a version into the model registry of the active stack, or bring it up to date there; return it.

        A run does so itself with what it made, unless `Model(save_models_to_registry=False)`.

        Raises:
            ConfigurationError: the active stack has no model registry.
            ComponentError: the registry is not reached, or refuses.
        """
        view = ModelVersionView(
            self.store.models.find(model, None if version is None else str(version)), self.store
        )
        register_version(view, active_stack(self.store).components.get("model_registry"), self.store)
        return view

    def delete_model_version(self: Lists, model: str, version: str | int) -> None:
        """Delete a version and what was said of it; its runs and artifacts stay."""
        self.store.models.delete_version(self.store.models.find(model, str(version)).id)
        self.store.wait_durable()


def _words(about: dict[str, str | None]) -> dict[str, str]:
    for word in about:
        if word not in ABOUT:
            raise ConfigurationError(f"A model has no `{word}`. It takes: {', '.join(ABOUT)}.")
    return {word: text for word, text in about.items() if text is not None}


def _tag(store: Store, kind: NotedKind, identifier: str, added: Tags | None, removed: Tags | None) -> None:
    target, notes = Target(kind, identifier), Notes()
    what = f"this {kind.replace('_', ' ')}"
    notes.untag(LoggedTags(target, read_tags(removed, what), is_removal=True).records())
    notes.tag(LoggedTags(target, read_tags(added, what)).records())
    if notes:
        store.annotate(notes)
    store.wait_durable()

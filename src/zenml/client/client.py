"""`Client()`: everything that was recorded, by name or id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from zenml.client.models import ModelsClient
from zenml.client.resolving import check_statuses, find_run, named
from zenml.client.schedules import SchedulesClient
from zenml.client.secrets import SecretsClient
from zenml.client.stacks import StacksClient
from zenml.client.tag_counts import count_tags
from zenml.client.triggering import TriggeringClient
from zenml.config.artifact_config import read_version
from zenml.context import live
from zenml.errors import NotFoundError
from zenml.records.query import Condition, Page, Query, read_condition, read_page, read_sort
from zenml.records.run import Artifact, Pipeline, Record, Run
from zenml.records.tagging import read_tags
from zenml.store.opening import open_store
from zenml.views.artifact_view import ArtifactView
from zenml.views.pipeline_view import PipelineView
from zenml.views.run_view import RunView

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from zenml.client.tag_counts import TagCount
    from zenml.store.store import Store


class Client(ModelsClient, SchedulesClient, SecretsClient, StacksClient, TriggeringClient):
    """The active store, for reading and changing what is recorded.

    Looking at runs marks those whose process has died as `interrupted`.
    """

    def __init__(self, store: Store | None = None) -> None:
        self._given = store

    @property
    def store(self) -> Store:
        """The store this client speaks to: the active one, unless another was given."""
        return self._given or open_store()

    # Runs

    def list_pipeline_runs(
        self,
        sort_by: str = "desc:created",
        page: int = 1,
        size: int = 20,
        *,
        tag: str | None = None,
        children: bool = True,
        **filters: Any,
    ) -> Page:
        """Return a page of runs.

        Args:
            sort_by: `asc:FIELD` or `desc:FIELD`.
            page: the number of the page, from 1.
            size: how many runs a page holds.
            tag: only runs with this tag; `tags` takes a list, and finds what has all of them.
            children: whether runs that other runs called are listed too; False leaves them out.
            filters: only runs whose fields fit, such as `status="failed"`, `pipeline_name="train"` or
                `name="contains:night"`; see `zenml.records.query`.
        """
        self.store.interrupt_dead_runs()
        pipeline = filters.pop("pipeline", None)
        if pipeline is not None:
            filters["pipeline_name"] = getattr(pipeline, "name", pipeline)
        if not children:
            filters["parent_id"] = Condition("parent_id", "equals", None)
        return self._list(Run, sort_by, page, size, filters, lambda run: RunView(run, self.store), tag)

    def get_pipeline_run(self, name_id_or_prefix: str) -> RunView:
        """Return a run by name, id, or a part of the id at either end."""
        store = self.store
        run = find_run(store, named(name_id_or_prefix, "run"))
        if run.status in ("running", "stopping") and store.interrupt_dead_runs():
            run = find_run(store, run.id)
        return RunView(run, store)

    def resume_run(
        self,
        name_id_or_prefix: str,
        *,
        pipeline: Any = None,
        arguments: Mapping[str, Any] | None = None,
    ) -> RunView:
        """Execute what is missing of a run that was interrupted, stopped or failed; return it when it has ended.

        Args:
            name_id_or_prefix: which run.
            pipeline: its pipeline, where that cannot be imported.
            arguments: arguments of the pipeline that could not be recorded.

        Raises:
            ResumeError: the run has completed or goes on, or its pipeline cannot be found.
        """
        resumed: RunView = live.resume(
            name_id_or_prefix, store=self.store, pipeline=pipeline, arguments=arguments
        )
        return resumed

    def replay_run(
        self,
        name_id_or_prefix: str,
        *,
        skip: str | Sequence[str] = (),
        skip_successful_steps: bool = False,
        input_overrides: Mapping[str, Any] | None = None,
        step_input_overrides: Mapping[str, Mapping[str, Any]] | None = None,
        pipeline: Any = None,
    ) -> RunView:
        """Reproduce a run as a new one, from what it recorded; return that when it has ended. See `zenml.replay`."""
        replayed: RunView = live.replay(
            name_id_or_prefix,
            skip=skip,
            skip_successful_steps=skip_successful_steps,
            input_overrides=input_overrides,
            step_input_overrides=step_input_overrides,
            pipeline=pipeline,
            store=self.store,
        )
        return replayed

    def answer(
        self, run: str | RunView, value: Any, name: str | None = None, *, by: str | None = None
    ) -> RunView:
        """Record the answer to what a run asks; go on with it by `.resume()`. Return the run as it is now.

        Args:
            run: name, id or short id of the run.
            value: the answer, as a Python value or as JSON would have it.
            name: which question; may be left out, since a run waits for one.
            by: who answers.

        Raises:
            AnswerError: it asks nothing, it was answered by somebody else, or it is too late.
            TypeMismatchError: the answer does not fit.
        """
        view = run if isinstance(run, RunView) else self.get_pipeline_run(run)
        return view.answer(value, name, by=by)

    # Pipelines

    def list_pipelines(
        self,
        sort_by: str = "desc:created",
        page: int = 1,
        size: int = 20,
        *,
        tag: str | None = None,
        **filters: Any,
    ) -> Page:
        """Return a page of pipelines, those with a tag if one is given."""
        return self._list(
            Pipeline, sort_by, page, size, filters, lambda p: PipelineView(p.name, p.id, self.store), tag
        )

    def get_pipeline(self, name_id_or_prefix: str) -> PipelineView:
        """Return a pipeline by name or id."""
        text = named(name_id_or_prefix, "pipeline")
        found = self.store.select(Pipeline, name=text) or self.store.select(Pipeline, id=text)
        if not found:
            known = [pipeline.name for pipeline in self.list_pipelines(size=100).items]
            listed = ", ".join(f"`{name}`" for name in known)
            raise NotFoundError(f"There is no pipeline `{text}`. There is: {listed or 'none'}.")
        return PipelineView(found[0].name, found[0].id, self.store)

    # Artifacts

    def list_artifact_versions(
        self,
        sort_by: str = "desc:created",
        page: int = 1,
        size: int = 20,
        *,
        tag: str | None = None,
        **filters: Any,
    ) -> Page:
        """Return a page of artifact versions; `name="model"` for those of one artifact.

        A `tag` finds what has it, and what belongs to a run that has it as a cascading tag.
        """
        return self._list(Artifact, sort_by, page, size, filters, lambda a: ArtifactView(a, self.store), tag)

    def get_artifact_version(self, name_id_or_prefix: str, version: int | str | None = None) -> ArtifactView:
        """Return a version of an artifact by name (the newest unless `version` is given), or by id."""
        text = named(name_id_or_prefix, "artifact")
        filters: dict[str, Any] = {"name": text}
        if version is not None:
            filters["version"] = read_version(version)
        found = self._list(
            Artifact, "desc:version", 1, 1, filters, lambda a: ArtifactView(a, self.store)
        ).items
        if found:
            return found[0]  # type: ignore[no-any-return]  # pages hold what the view function makes
        artifact = self.store.get(Artifact, text)
        if artifact is None:
            newest = self._list(Artifact, "desc:version", 1, 1, {"name": text}, lambda a: a.version).items
            if newest:
                raise NotFoundError(f"Artifact `{text}` has no version {version}. The newest is {newest[0]}.")
            raise NotFoundError(f"There is no artifact `{text}`. {self._close_artifacts(text)}")
        return ArtifactView(artifact, self.store)

    # Tags

    def list_tags(self) -> list[TagCount]:
        """Return the tags by name, each with how many runs, versions of artifacts, pipelines, models and versions have it.

        Tags are put on and taken off with `zenml.add_tags` and `zenml.remove_tags`.
        """
        return count_tags(self.store)

    def _close_artifacts(self, text: str) -> str:
        import difflib

        names = {artifact.name for artifact in self.list_artifact_versions(size=500).items}
        close = difflib.get_close_matches(text, names, 3)
        return (
            f"Close names: {', '.join(f'`{name}`' for name in close)}."
            if close
            else "No name is close to it."
        )

    def _list(
        self,
        kind: type[Record],
        sort_by: str,
        page: int,
        size: int,
        filters: dict[str, Any],
        view: Callable[[Any], Any],
        tag: str | None = None,
    ) -> Page:
        several = tuple(spec.name for spec in read_tags(filters.pop("tags", None), "the search"))
        tags = several if tag is None else (*(spec.name for spec in read_tags(tag, "the search")), *several)
        sort, is_descending = read_sort(sort_by)
        page, size = read_page(page, size)
        conditions = tuple(
            read_condition(field, value) for field, value in filters.items() if value is not None
        )
        if kind is Run:
            check_statuses(conditions)
        query = Query(conditions, sort, is_descending=is_descending, page=page, size=size, tag=tags)
        found = self.store.find(kind, query)
        return msgspec.structs.replace(found, items=[view(item) for item in found.items])

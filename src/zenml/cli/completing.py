"""What a shell completes from the store: runs, steps, artifacts, pipelines, models, tags, schedules.

Completing never fails and never makes a store: where something is wrong, nothing is offered.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zenml.client.client import Client

    Find = Callable[[Client, click.Context, str], Iterator[str | tuple[str, str]]]
    Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

MOST = 50
"""What is offered at once, the newest first."""
SEARCHED = 200
"""Newest runs whose ids are looked at."""


def _completion(find: Find) -> Complete:
    """Return what click calls, from a function that yields words, alone or with a word about each."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            from zenml.client.client import Client
            from zenml.store.address import address_of
            from zenml.store.location import default_root, home_of

            root = home_of(default_root())
            if not os.path.exists(os.path.join(root, "store.db")) and address_of(root) is None:
                return []
            found: dict[str, str | None] = {}
            for item in find(Client(), ctx, incomplete):
                word, about = (item, None) if isinstance(item, str) else item
                if word.startswith(incomplete):
                    found.setdefault(word, about)
                if len(found) == MOST:
                    break
        except Exception:  # a line that is being typed is no place for an error
            return []
        return [CompletionItem(word, help=about) for word, about in found.items()]

    return complete


def _runs(client: Client, ctx: click.Context, incomplete: str) -> Iterator[str | tuple[str, str]]:
    from zenml.records.ids import short
    from zenml.records.query import Condition, Query
    from zenml.records.run import Run

    named = (Condition("name", "startswith", incomplete),)
    for run in client.store.find(Run, Query(named, size=MOST, needs_total=False)).items:
        yield run.name, f"{run.status}, {short(run.id)}"
    for run in client.store.find(Run, Query(size=SEARCHED, needs_total=False)).items if incomplete else ():
        yield short(run.id), f"{run.status}, {run.name}"


def _steps(client: Client, ctx: click.Context, incomplete: str) -> Iterator[str]:
    from zenml.client.resolving import find_run
    from zenml.views.run_view import RunView

    yield from RunView(find_run(client.store, ctx.params["run"]), client.store).steps


def _artifacts(client: Client, ctx: click.Context, incomplete: str) -> Iterator[str | tuple[str, str]]:
    name, at, _ = incomplete.rpartition("@")
    if at:
        for one in client.list_artifact_versions(size=MOST, name=name).items:
            yield f"{name}@{one.version}", one.data_type
        return
    for one in client.list_artifact_versions(size=MOST * 20, name=f"startswith:{incomplete}").items:
        yield one.name, one.data_type


def _pipelines(client: Client, ctx: click.Context, incomplete: str) -> Iterator[str]:
    for one in client.list_pipelines(size=MOST, name=f"startswith:{incomplete}").items:
        yield one.name


def _tags(client: Client, ctx: click.Context, incomplete: str) -> Iterator[str]:
    for one in client.list_tags():
        yield one.name


def _models(client: Client, ctx: click.Context, incomplete: str) -> Iterator[str]:
    for one in client.list_models(size=MOST, name=f"startswith:{incomplete}").items:
        yield one.name


def _model_versions(client: Client, ctx: click.Context, incomplete: str) -> Iterator[str | tuple[str, str]]:
    yield "latest", "the newest version"
    for one in client.list_model_versions(ctx.params["model"], size=MOST).items:
        yield one.name, one.stage
        if one.name != str(one.number):
            yield str(one.number), f"{one.name}, {one.stage}"


def _schedules(client: Client, ctx: click.Context, incomplete: str) -> Iterator[tuple[str, str]]:
    for one in client.list_schedules(size=MOST, name=f"startswith:{incomplete}").items:
        yield one.name, f"{one.pipeline_name}, {one.times}"


def _tagged(client: Client, ctx: click.Context, incomplete: str) -> Iterator[Any]:
    of_kind = {"artifact": _artifacts, "pipeline": _pipelines}
    return of_kind.get(ctx.params.get("kind") or "run", _runs)(client, ctx, incomplete)


complete_run = _completion(_runs)
complete_step = _completion(_steps)
complete_artifact = _completion(_artifacts)
complete_pipeline = _completion(_pipelines)
complete_model = _completion(_models)
complete_model_version = _completion(_model_versions)
complete_tag = _completion(_tags)
complete_schedule = _completion(_schedules)
complete_tagged = _completion(_tagged)
"""Of the kind that `--run`, `--artifact` or `--pipeline` says."""


def complete_file(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Leave it to the shell, which knows its files."""
    return [CompletionItem(incomplete, type="file")]

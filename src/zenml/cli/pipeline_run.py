"""`zenml pipeline run`: import, read the arguments, run, and say what failed."""

from __future__ import annotations

import contextlib
import sys
import traceback
from typing import TYPE_CHECKING, Any

import click

from zenml.cli.commands import is_verbose, print_json
from zenml.cli.run_commands import cached_references
from zenml.cli.shapes import whole_run_shape
from zenml.cli.targets import find_pipeline
from zenml.declare.importing import place_of
from zenml.declare.starting import start
from zenml.errors import DeclarationError, TypeMismatchError, ZenMLError
from zenml.records.ids import new_id, short
from zenml.records.query import Condition, Query
from zenml.records.run import Run
from zenml.reporting import screen
from zenml.signatures.signature import did_you_mean
from zenml.signatures.type_check import from_text
from zenml.store.opening import open_store
from zenml.views.asking import asking_text
from zenml.views.failure_panel import failure_panel
from zenml.views.run_view import RunView

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zenml.declare.pipeline import Pipeline
    from zenml.store.store import Store


_IN_BACKGROUND = {"orchestrator": {"synchronous": False}}


def run_target(
    target: str,
    params: Sequence[str],
    *,
    name: str | None,
    config_file: str | None,
    refresh: bool | Sequence[str],
    is_detached: bool,
    as_json: bool,
) -> None:
    """Run the pipeline that a target names; end with status 1 if the run did not succeed.

    With a schedule, store that; nothing runs, and the JSON is null.
    """
    with output_for_people(as_json=as_json):
        pipeline = find_pipeline(target)
        if config_file is not None:
            pipeline = pipeline.with_options(config_path=config_file)
        arguments = read_params(pipeline, params)
        pipeline = pipeline.with_options(
            run_name=name, refresh=refresh or None, settings=_IN_BACKGROUND if is_detached else None
        )
        store = open_store()
        view = run_to_end(pipeline, arguments, store)
    if view is None:
        if as_json:
            print_json(None)
        return
    if as_json:
        producers = [step.record.cached_from or step.record.id for step in view.steps.values()]
        print_json(whole_run_shape(view, cached_references(view, store), store.outputs_of(producers)))
    if view.record.status == "paused":
        if screen.is_quiet():  # else it was said when the run paused
            click.echo(asking_text(view), err=True)
        return
    if view.record.status not in ("completed", "running") and not is_detached:
        if not screen.is_live():  # there the panel was shown when the run ended
            panel = f"\n{failure_panel(view)}\nThe whole run: zenml run show {short(view.id)}"
            click.echo(panel, err=True)
        click.get_current_context().exit(1)


def run_to_end(pipeline: Pipeline[Any], arguments: dict[str, Any], store: Store) -> RunView | None:
    """Run a pipeline and return its run, whether it succeeded or not; None with a schedule.

    Raises:
        ZenMLError: the run did not begin, because something is wrong with the pipeline or the store.
    """
    begin = new_id()
    try:
        return start(pipeline, (), arguments)
    except Exception as error:  # steps and the pipeline function are the user's code
        run = run_since(store, begin)
        if run is not None and run.status != "running":
            if is_verbose():
                click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
            return RunView(run, store)
        if isinstance(error, ZenMLError):
            raise
        raise DeclarationError(
            f"Pipeline `{pipeline.name}` could not be put together: {type(error).__name__}: {error} "
            f"({place_of(error)}). Repair it; `--verbose` shows the whole traceback."
        ) from error


def read_params(pipeline: Pipeline[Any], params: Sequence[str]) -> dict[str, Any]:
    """Read `NAME=VALUE` texts as the arguments of a pipeline, by its annotations."""
    signature = pipeline.signature
    found: dict[str, Any] = {}
    for param in params:
        name, equals, text = param.partition("=")
        if not equals:
            raise click.UsageError(f"`--param {param}` has no value. Write `--param {param}=VALUE`.")
        if not signature.accepts(name):
            hint = did_you_mean(name, signature.parameters)
            known = ", ".join(f"`{one}`" for one in signature.parameters) or "none"
            raise click.UsageError(
                f"Pipeline `{pipeline.name}` has no parameter `{name}`. {hint}It takes: {known}."
            )
        if name in found:
            raise click.UsageError(f"`--param {name}` is given twice. Give it once.")
        try:
            found[name] = from_text(text, signature.annotation(name), what=f"`{name}`")
        except TypeMismatchError as error:
            raise click.UsageError(str(error)) from error
    missing = signature.missing({**(pipeline.run_options.get("parameters") or {}), **found})
    if missing:
        names = ", ".join(f"`{name}`" for name in missing)
        raise click.UsageError(
            f"Pipeline `{pipeline.name}` needs a value for {names}. Add `--param {missing[0]}=VALUE`."
        )
    return found


def run_since(store: Store, identifier: str, **fields: str) -> Run | None:
    """Return the newest run that this process began since it made an id, with these values in its fields."""
    conditions = (
        Condition("id", "gt", identifier),
        Condition("owner_id", "equals", store.owner().id),
        *(Condition(name, "equals", value) for name, value in fields.items()),
    )
    found: list[Run] = store.find(Run, Query(conditions, size=1, needs_total=False)).items
    return _outermost(store, found[0]) if found else None


def _outermost(store: Store, run: Run) -> Run:
    """Return the run that somebody started, of which a run is a child, perhaps of a child; else the run itself."""
    while run.parent_id is not None and (parent := store.get(Run, run.parent_id)) is not None:
        run = parent
    return run


@contextlib.contextmanager
def output_for_people(*, as_json: bool) -> Iterator[None]:
    """Keep standard output for the JSON: what steps print goes to standard error meanwhile."""
    if not as_json:
        yield
        return
    with contextlib.redirect_stdout(sys.stderr):
        yield

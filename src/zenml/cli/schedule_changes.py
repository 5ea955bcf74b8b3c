"""`zenml schedule pause|resume|update|delete|trigger`: what people do to schedules."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click
import msgspec

from zenml.cli.commands import Command, confirm, json_option, print_json, usage_errors
from zenml.cli.completing import complete_schedule
from zenml.cli.schedule_lines import NOBODY_SERVES
from zenml.cli.schedule_shapes import schedule_shape
from zenml.cli.style import iso_time
from zenml.client.client import Client
from zenml.config.schedule import CATCHUPS, OVERLAPS
from zenml.records.ids import short

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from zenml.views.schedule_view import ScheduleView

_NONE = "none"
_ONE_AT_LEAST = "--cron, --every, --at, --on, --start, --end, --timezone, --overlap, --catchup, --catchup-limit, --jitter, --max-runs, --name or --param"


@click.command(cls=Command, example='zenml schedule pause nightly --reason "the source is down"')
@click.argument("name", shell_complete=complete_schedule)
@click.option("--reason", help="Why; it is shown in lists, and of the times that pass meanwhile.")
@json_option
def pause(name: str, reason: str | None, *, as_json: bool) -> None:
    """Have NAME start nothing until it is resumed.

    Runs that have begun go on; what waited for its turn is skipped.
    """
    _show(Client().pause_schedule(name, reason), "is paused", as_json=as_json)


@click.command(cls=Command, example="zenml schedule resume nightly")
@click.argument("name", shell_complete=complete_schedule)
@json_option
def resume(name: str, *, as_json: bool) -> None:
    """Have NAME go on from now; what passed in the pause is not made up for, and counted in its history."""
    _show(Client().resume_schedule(name), "is active", as_json=as_json)


def _update_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command an option for each thing that a schedule says; texts are checked where schedules are."""
    options = (
        click.option("--cron", "cron_expression", metavar="TEXT", help="Five fields, or a word such as @daily."),
        click.option("--every", "interval_second", metavar="SECONDS", help="The time between two runs."),
        click.option("--at", "run_once_start_time", metavar="TIME", help="Run once, at this time."),
        click.option("--on", "on", metavar="JSON", help='Such as {"run_ended": {"pipeline": "train"}}.'),
        click.option("--start", "start_time", metavar="TIME", help="When it begins; `none` for no start."),
        click.option("--end", "end_time", metavar="TIME", help="When it ends; `none` for no end."),
        click.option("--timezone", metavar="ZONE", help="Of the cron expression; `none` for UTC."),
        click.option("--overlap", metavar="RULE", help=f"While a run goes on: {', '.join(OVERLAPS)}."),
        click.option("--catchup", metavar="RULE", help=f"Of what was missed: {', '.join(CATCHUPS)}."),
        click.option("--catchup-limit", metavar="NUMBER", help="How many `all` makes up for."),
        click.option("--jitter", metavar="SECONDS", help="Put off by a part of this; `none` for no jitter."),
        click.option("--max-runs", metavar="NUMBER", help="Runs in all; `none` for any number."),
        click.option("--name", "new_name", metavar="NEW", help="Give it another name."),
        click.option(
            "--param",
            "pairs",
            multiple=True,
            metavar="NAME=VALUE",
            help="An argument of the pipeline, as JSON or text. Repeat for several.",
        ),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@click.command(
    cls=Command, example='zenml schedule update nightly --cron "30 3 * * 1-5" --timezone Europe/Berlin'
)
@click.argument("name", shell_complete=complete_schedule)
@_update_options
@json_option
def update(
    name: str, new_name: str | None, pairs: tuple[str, ...], *, as_json: bool, **given: str | None
) -> None:
    """Change NAME in place: what it has done stays, and what is not given stays as it is.

    --cron, --every, --at and --on replace each other. Times are ISO, and local if they name no zone.
    """
    said = {field: _READERS.get(field, str)(text) for field, text in given.items() if text is not None}
    if not said and not pairs and new_name is None:
        raise click.UsageError(f"Nothing to change. Give one of {_ONE_AT_LEAST}.")
    client = Client()
    view = client.get_schedule(name)
    with usage_errors():
        parameters = _parameters(pairs, view.record.parameters)
        view = client.update_schedule(view.id, name=new_name, parameters=parameters, **said)
    _show(view, "is changed", as_json=as_json)


@click.command(cls=Command, example="zenml schedule delete nightly --yes")
@click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=complete_schedule)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@json_option
def delete(names: tuple[str, ...], *, yes: bool, as_json: bool) -> None:
    """Delete schedules with their history; runs that they began stay."""
    client = Client()
    views = list({view.id: view for view in map(client.get_schedule, names)}.values())
    listed = ", ".join(f"`{view.name}`" for view in views)
    what = "schedule" if len(views) == 1 else "schedules"
    if not yes:
        confirm(f"Delete {what} {listed}?")
    for view in views:
        client.delete_schedule(view.id)
    if as_json:
        print_json({"deleted": [view.id for view in views]})
    else:
        click.echo(f"Deleted {what} {listed}.")


@click.command(cls=Command, example="zenml schedule trigger nightly")
@click.argument("name", shell_complete=complete_schedule)
@json_option
def trigger(name: str, *, as_json: bool) -> None:
    """Have a scheduler start a run of NAME now, paused or not, once none of it goes on."""
    client = Client()
    view = client.get_schedule(name)
    tick = client.trigger_schedule(view.id).record
    is_served = bool(client.store.schedules.schedulers())
    if as_json:
        print_json(
            {
                "schedule": view.name,
                "key": tick.key,
                "instant": iso_time(tick.instant),
                "run_id": tick.run_id,
                "is_served": is_served,
            }
        )
    else:
        when = "is started by the scheduler" if is_served else "begins once a scheduler is there"
        click.echo(f"Run {short(tick.run_id)} of schedule `{view.name}` {when}.")
    if view.problem is not None:
        click.echo(
            f"It has to wait: the schedule is set aside ({view.problem}). Change it: zenml schedule update {shlex.quote(view.name)}",
            err=True,
        )
    if not is_served:
        click.echo(NOBODY_SERVES, err=True)


CHANGES = (pause, resume, update, trigger, delete)
"""In the order of the help."""


def _show(view: ScheduleView, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json(schedule_shape(view))
    elif what == "is paused":
        reason = f": {view.pause_reason}" if view.pause_reason else ""
        click.echo(
            f"Schedule `{view.name}` is paused{reason}. Go on: zenml schedule resume {shlex.quote(view.name)}"
        )
    else:
        click.echo(f"Schedule `{view.name}` {what}: {view.coming}.")


def _parameters(pairs: tuple[str, ...], recorded: Mapping[str, msgspec.Raw]) -> dict[str, Any]:
    """Return arguments from `NAME=VALUE` texts: JSON where a value is that, else the text.

    What is recorded as a text stays one, so that a version `3` does not become a number; in quotes it is JSON too.
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise click.UsageError(f"`--param {pair}` has no value. Write `--param NAME=VALUE`.")
        if name in found:
            raise click.UsageError(f"`--param {name}` is given twice. Give it once.")
        is_text = bytes(recorded.get(name, b"")).startswith(b'"') and not text.startswith('"')
        found[name] = text if is_text else _json(text)
    return found


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _number(text: str) -> Any:
    """Return a number; what is none is left to the configuration, which says what it may be."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _or_none(read: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: None if text.lower() == _NONE else read(text)


_READERS: dict[str, Callable[[str], Any]] = {
    "interval_second": _number,
    "on": _json,
    "start_time": _or_none(str),
    "end_time": _or_none(str),
    "timezone": _or_none(str),
    "catchup_limit": _number,
    "jitter": _or_none(_number),
    "max_runs": _or_none(_number),
}
"""By field, how its text becomes what `Schedule(…)` takes."""

"""Run a command for each message: `notify-send`, a script of yours, anything that this machine can start.

Nothing to install.

    zenml alerter register desktop --flavor command --command '["notify-send", "--", "{title}", "{text}"]'
    zenml alerter register own --flavor command --command '["/home/anna/bin/tell-me"]'
    zenml stack register watched -al desktop --set

The command gets the message in three ways: as JSON on its standard input, as it is documented for
the flavor `webhook`; as the variables `ZENML_ALERT_TITLE`, `ZENML_ALERT_TEXT` (all but the title, as text),
`ZENML_ALERT_LEVEL`, `ZENML_ALERT_LINK`, `ZENML_ALERT_KEY` and `ZENML_ALERT_THREAD`; and in its arguments in the place of `{title}`,
`{text}`, `{level}` and `{link}`. No shell is involved: nothing in a message is a command. An argument that would
begin with a `-` out of a message gets a space before it, so that it is no option.

Exit status 0 means taken. When the time is over, the command is ended with all processes that it started.

Tested with programs of the operating system.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from typing import IO, Annotated, Any

import msgspec
from msgspec import Meta

from zenml.components.alert_layout import cleaned, plain_text
from zenml.components.alerter import Alert, Alerter, MessageSettings, settings_of
from zenml.components.alerter_failure import not_taken
from zenml.components.flavor import Configuration, Flavor, Place, SecretText

_LONGEST = 20_000
"""Letters of a text that a variable or argument holds; systems take 131,072 bytes for each, and a letter is up to four."""
_WORDS = 2000
"""Bytes from the end of what a failed command printed."""
_PLACEHOLDER = re.compile(r"\{(title|text|level|link)\}")


class CommandAlerterConfig(Configuration, frozen=True, kw_only=True):
    """What is run."""

    command: Annotated[
        tuple[str, ...],
        Meta(
            description="The program and its arguments, in which `{title}`, `{text}`, `{level}`, `{link}` are filled in.",
            examples=[["notify-send", "--", "{title}", "{text}"]],
            min_length=1,
        ),
    ]
    environment: Annotated[
        dict[str, SecretText],
        Meta(description="Variables that the command gets, beside those of this process."),
    ] = msgspec.field(default_factory=dict)
    timeout: Annotated[
        float, Meta(description="Seconds until the command is ended with all that it started.", gt=0)
    ] = 10.0

    def __post_init__(self) -> None:
        if not self.command[0] or any("\0" in part for part in self.command):
            raise ValueError("`command` must name a program, and hold no NUL characters")
        for name, value in self.environment.items():
            if not name or set(name) & set("=\0") or "\0" in value:
                raise ValueError(f"there can be no variable {name!r:.40}, or not with its value")


class CommandAlerter(Alerter):
    """Runs a command with each message."""

    flavor = "command"

    def __init__(self, config: CommandAlerterConfig, place: Place) -> None:
        self.config = config
        self.place = place

    def post(self, message: str | Alert, params: Any = None) -> bool:
        """Run the command with a message; return when it has ended well."""
        import tempfile

        settings_of(MessageSettings, params, self.flavor)
        alert = cleaned(message, _LONGEST)
        # Files instead of pipes: a process that the command leaves behind holds up nobody.
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as printed:
            given.write(_json(alert))
            given.seek(0)
            try:
                status = self._run(alert, given, printed)
            except subprocess.TimeoutExpired as error:
                raise self._failure(
                    f"it did not end within {self.config.timeout:g} s, and was ended"
                ) from error
            except OSError as error:
                raise self._failure(f"it cannot be started: {error.strerror or error}") from error
            if status:
                raise self._failure(f"{_ended(status)}{_said(printed)}")
        return True

    def _run(self, alert: Alert, given: IO[bytes], printed: IO[bytes]) -> int:
        parts = {
            "title": alert.title,
            "text": plain_text(alert, _LONGEST, has_title=False),
            "level": alert.level,
            "link": alert.link or "",
        }
        variables = {f"ZENML_ALERT_{name.upper()}": value for name, value in parts.items()}
        variables |= {"ZENML_ALERT_KEY": alert.key, "ZENML_ALERT_THREAD": alert.thread}
        environment = {**os.environ, **self.config.environment, **variables}
        program, *arguments = self.config.command
        found = shutil.which(program, path=environment.get("PATH")) or program
        process = subprocess.Popen(
            [found, *(_filled(argument, parts) for argument in arguments)],
            stdin=given,
            stdout=printed,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
        try:
            return process.wait(self.config.timeout)
        except BaseException:  # also a signal to this process
            _end_tree(process)
            raise

    def _failure(self, why: str) -> Exception:
        who = f"Alerter `{self.place.name}` (command `{self.config.command[0]}`)"
        remedy = "Try the command by hand, or correct `command` of the alerter."
        return not_taken(who, why, remedy, secrets=self.config.environment.values())


def _filled(argument: str, parts: dict[str, str]) -> str:
    filled = _PLACEHOLDER.sub(lambda found: parts[found[1]], argument)
    return f" {filled}" if filled.startswith("-") and not argument.startswith("-") else filled


def _json(alert: Alert) -> bytes:
    parts = msgspec.structs.asdict(alert)
    key, thread = parts.pop("key"), parts.pop("thread")
    said = {"version": 1, "text": alert.as_text(), "key": key, "thread": thread, "alert": parts}
    return msgspec.json.encode(said)


def _ended(status: int) -> str:
    if status > 0:
        return f"it ended with status {status}"
    with contextlib.suppress(ValueError):
        return f"it was ended by {signal.Signals(-status).name}"
    return f"it was ended by signal {-status}"


def _said(printed: IO[bytes]) -> str:
    size = printed.seek(0, os.SEEK_END)
    printed.seek(max(0, size - _WORDS))
    words = printed.read().decode(errors="replace").strip()
    return f": {words}" if words else ""


def _end_tree(process: subprocess.Popen[bytes]) -> None:
    """End a command with all that it started, also what has left its group."""
    from zenml.flavors.process_tree import descendants_of, send_signal

    for pid in descendants_of(process.pid):
        send_signal(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


FLAVOR = Flavor(
    type="alerter",
    name="command",
    component=CommandAlerter,
    config=CommandAlerterConfig,
    settings=MessageSettings,
)

"""The interface of an alerter: it tells people something, and some can ask them.

`zenml.components.alerter_check` holds the conformance checks that every alerter passes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal, TypeVar

import msgspec

from zenml.components.flavor import Configuration
from zenml.errors import ConfigurationError

S = TypeVar("S", bound=msgspec.Struct)


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """A message in parts, which each alerter lays out as its medium can.

    Attributes:
        title: one line.
        text: the message itself; plain text.
        level: what colour or mark it gets.
        fields: short facts by name, such as the run and the step.
        log_tail: the last lines of a log, to be shown as they are.
        link: where more is to be seen, as a URL.
        key: names the news. Who gets two messages with the same key got one of them twice; an alerter
            whose medium can tell that passes it on.
        thread: names what the news belongs to, such as a run; messages about it are shown together where the
            medium can do that.
    """

    title: str
    text: str = ""
    level: Literal["info", "success", "failure"] = "info"
    fields: dict[str, str] = {}
    log_tail: str = ""
    link: str | None = None
    key: str = ""
    thread: str = ""

    def as_text(self) -> str:
        """Return all of it as plain text."""
        facts = [f"{name}: {value}" for name, value in self.fields.items()]
        parts = [self.title, self.text, "\n".join(facts), self.log_tail, self.link or ""]
        return "\n\n".join(part for part in parts if part)


def settings_of(wanted: type[S], params: Any, flavor: str) -> S:
    """Return the settings of one message: an instance of the flavor's class, or a mapping of its fields.

    Raises:
        ConfigurationError: a field is unknown, or its value impossible.
    """
    if isinstance(params, wanted):
        return params
    try:
        return msgspec.convert({} if params is None else params, wanted)
    except msgspec.ValidationError as error:
        known = ", ".join(f"`{name}`" for name in wanted.__struct_fields__) or "none"
        raise ConfigurationError(
            f"The alerter flavor `{flavor}` cannot use these settings of a message: {error}. It knows: {known}."
        ) from error


class MessageSettings(Configuration, frozen=True, kw_only=True):
    """The settings of a message where there is nothing to set."""


class Alerter(ABC):
    """Tells people something."""

    flavor: ClassVar[str]

    @abstractmethod
    def post(self, message: str | Alert, params: Any = None) -> bool:
        """Send a message; return True when it was taken.

        Args:
            message: plain text, or a message in parts.
            params: settings of this message, of the flavor's settings class or a mapping of its fields.

        Raises:
            ComponentError: the message was not taken; the service's own words are in it.
        """

    def ask(self, question: str | Alert, params: Any = None) -> bool:
        """Send a question and wait; return whether somebody approved.

        Raises:
            ConfigurationError: this alerter cannot hear answers.
            ComponentError: the question was not taken, or nobody answered in time.
        """
        raise ConfigurationError(
            f"The alerter flavor `{self.flavor}` can post but hears no answers. Ask with `zenml.wait(...)` in a dynamic"
            " pipeline, which pauses the run durably, or use an alerter that can ask, such as `slack`."
        )

"""The interface of an alerter: it tells people something, and some can ask them.

`zenml.components.alerter_check` holds the conformance checks that every alerter passes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

import msgspec

from zenml.errors import ConfigurationError


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """A message in parts, which each alerter lays out as its medium can.

    Attributes:
        title: one line.
        text: the message itself; plain text.
        level: what colour or mark it gets.
        fields: short facts by name, such as the run and the step.
        log_tail: the last lines of a log, to be shown as they are.
        link: where more is to be seen.
    """

    title: str
    text: str = ""
    level: Literal["info", "success", "failure"] = "info"
    fields: dict[str, str] = {}
    log_tail: str = ""
    link: str | None = None

    def as_text(self) -> str:
        """Return all of it as plain text."""
        facts = [f"{name}: {value}" for name, value in self.fields.items()]
        parts = [self.title, self.text, "\n".join(facts), self.log_tail, self.link or ""]
        return "\n\n".join(part for part in parts if part)


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

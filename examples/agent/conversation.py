"""What the agent's parts say to each other: which tools are to be used, what they found, what a person decided."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class ToolCall:
    """A tool to use, and with what."""

    tool: Literal["search", "read", "calculate"]
    argument: str


@dataclass(frozen=True)
class ToolResult:
    """What a tool found."""

    call: ToolCall
    text: str


@dataclass(frozen=True)
class Decision:
    """What to do next: use tools, or answer the question."""

    thought: str
    calls: list[ToolCall] = field(default_factory=list)
    answer: str | None = None


@dataclass(frozen=True)
class Approval:
    """What a person says to a report."""

    publish: bool
    remark: str = ""

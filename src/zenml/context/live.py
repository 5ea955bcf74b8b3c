"""The pipelines that were declared in this process, by name: those that can be started without an import."""

from __future__ import annotations

from typing import Any

pipelines: dict[str, Any] = {}
"""Of several with one name the last one; copies made by `with_options` are not here."""

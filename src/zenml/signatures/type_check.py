"""The types of steps: every question about them is asked here.

- `check`: does this value fit its annotation?
- `from_config`, `from_text`: what did the user mean by this YAML value, by this text on the command line?
- `can_flow`: can what one step produces go into another at all?
- `describe`: what is this type called?

Each is at home in its own module, beside what only it needs.
"""

from __future__ import annotations

from zenml.signatures.type_config import from_config
from zenml.signatures.type_flow import can_flow
from zenml.signatures.type_names import describe
from zenml.signatures.type_text import from_text
from zenml.signatures.type_values import check

__all__ = ["can_flow", "check", "describe", "from_config", "from_text"]

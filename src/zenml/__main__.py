"""`python -m zenml`: the same as the command `zenml`."""

from __future__ import annotations

import sys

from zenml.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

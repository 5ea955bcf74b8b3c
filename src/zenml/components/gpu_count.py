"""How many GPUs this process may use, as plain files and its environment say; no library is asked."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def usable_gpus(
    environment: Mapping[str, str] | None = None, *, driver: str = "/proc/driver/nvidia/gpus"
) -> int:
    """Return how many GPUs are visible.

    `CUDA_VISIBLE_DEVICES` decides where it is set, but never for more than the driver lists. Where the
    driver lists nothing (as in WSL, or with devices of another maker), what the variable says is believed.
    """
    said = (os.environ if environment is None else environment).get("CUDA_VISIBLE_DEVICES")
    try:
        listed: int | None = len(os.listdir(driver))
    except OSError:
        listed = None
    if said is None:
        return listed or 0
    visible = 0
    for device in said.split(","):
        if device.strip() in ("", "-1"):  # CUDA ignores what follows
            break
        visible += 1
    return visible if listed is None else min(visible, listed)

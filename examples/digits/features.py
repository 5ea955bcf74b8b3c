"""From images to the numbers that models learn from.

Steps of `pipeline.py` call these functions. Edit one, run again, and exactly the steps that use
it are executed; everything else comes from the cache.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.float64]
"""Images one after another, 8 by 8, each pixel from 0 (paper) to 16 (ink)."""
Features = npt.NDArray[np.float64]
"""One row of numbers for each image."""
Digits = npt.NDArray[np.int64]
"""One digit, 0 to 9, for each image."""


def pixels(images: Images) -> Features:
    """Return each image as its 64 pixels, from 0 to 1."""
    return images.reshape(len(images), -1) / 16


def strokes(images: Images) -> Features:
    """Return the pixels, and how much ink there is in each row and column."""
    ink_by_row = images.mean(axis=2) / 16
    ink_by_column = images.mean(axis=1) / 16
    return np.hstack([pixels(images), ink_by_row, ink_by_column])

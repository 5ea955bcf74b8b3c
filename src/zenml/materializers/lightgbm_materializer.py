"""LightGBM boosters as LightGBM's own text, and the estimators around them by their attributes."""

from __future__ import annotations

from typing import Any

import lightgbm

from zenml.enums import ArtifactType
from zenml.errors import MaterializerError
from zenml.materializers.boosted import BoostedModelMaterializer, with_default, without_default
from zenml.materializers.composite_materializer import CompositeMaterializer


class BoosterMaterializer(CompositeMaterializer):
    """Stores a booster; the data it was trained on is not part of it."""

    SHORT_NAME = "lightgbm"
    ASSOCIATED_ARTIFACT_TYPE = ArtifactType.MODEL

    @classmethod
    def take_apart(cls, value: Any) -> Any:
        """Return the model's text, and what the text leaves out."""
        # All trees, since the text has by default only those up to the best iteration.
        text = value.model_to_string(num_iteration=-1)
        back = lightgbm.Booster(model_str=text)
        if back.model_to_string(num_iteration=-1) != text:
            raise MaterializerError("LightGBM's text cannot hold this booster exactly.")
        return [text, value.best_iteration, without_default(value.best_score), dict(value.params)]

    @classmethod
    def put_together(cls, content: Any) -> Any:
        """Return the booster."""
        text, best_iteration, best_score, params = content
        made = lightgbm.Booster(model_str=text)
        made.best_iteration, made.best_score, made.params = best_iteration, with_default(best_score), params
        return made

    def extract_metadata(self, data: Any) -> dict[str, Any]:
        """Return the size of the model and its parameters."""
        return {"trees": data.num_trees(), "features": data.num_feature(), "parameters": dict(data.params)}


class LGBMModelMaterializer(BoostedModelMaterializer):
    """Stores `LGBMClassifier`, `LGBMRegressor` and `LGBMRanker`."""

    SHORT_NAME = "lightgbm-sklearn"
    LIBRARY = "lightgbm"

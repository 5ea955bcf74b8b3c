"""XGBoost boosters in XGBoost's own binary JSON, and the estimators around them by their attributes."""

from __future__ import annotations

from typing import Any

import xgboost

from zenml.enums import ArtifactType
from zenml.errors import ArtifactDamagedError
from zenml.materializers.blob_materializer import BlobMaterializer
from zenml.materializers.boosted import BoostedModelMaterializer


class BoosterMaterializer(BlobMaterializer):
    """Stores a booster; the data it was trained on is not part of it."""

    SHORT_NAME = "xgboost"
    EXTENSION = "ubj"
    IS_SAFE = True
    ASSOCIATED_ARTIFACT_TYPE = ArtifactType.MODEL

    @classmethod
    def to_bytes(cls, value: Any) -> bytes:
        """Return the model in XGBoost's stable format; its snapshot format changes with each version."""
        return bytes(value.save_raw(raw_format="ubj"))

    def from_bytes(self, data: bytes) -> Any:
        """Read the model."""
        made = xgboost.Booster()
        try:
            made.load_model(bytearray(data))
        except (xgboost.core.XGBoostError, ValueError) as error:
            raise ArtifactDamagedError(
                f"A stored booster cannot be read: {error}. Run the producing step again."
            ) from error
        return made

    def extract_metadata(self, data: Any) -> dict[str, Any]:
        """Return the size of the model and its attributes."""
        return {
            "rounds": data.num_boosted_rounds(),
            "features": data.num_features(),
            "attributes": data.attributes(),
        }


class XGBModelMaterializer(BoostedModelMaterializer):
    """Stores `XGBClassifier`, `XGBRegressor`, `XGBRanker` and their random-forest kin."""

    SHORT_NAME = "xgboost-sklearn"
    LIBRARY = "xgboost"

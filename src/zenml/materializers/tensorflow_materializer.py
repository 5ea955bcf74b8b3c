"""The name under which pipelines ask for the materializer of `tf.keras` models; these are Keras models."""

from __future__ import annotations

from zenml.materializers.keras_materializer import KerasMaterializer as TensorflowModelMaterializer

__all__ = ["TensorflowModelMaterializer"]

"""The table of built-in materializers: which class stores values of which type.

Types are spelled as text, so that no library is imported to look a type up in here.
"""

from __future__ import annotations

FALLBACK = "cloudpickle"

BUILT_IN = {
    "json": "builtin_materializer:BuiltinMaterializer",
    "bytes": "bytes_materializer:BytesMaterializer",
    "html": "text_materializer:HTMLMaterializer",
    "markdown": "text_materializer:MarkdownMaterializer",
    "csv": "text_materializer:CSVMaterializer",
    "json-text": "text_materializer:JSONMaterializer",
    "path": "path_materializer:PathMaterializer",
    "numpy": "numpy_materializer:NumpyMaterializer",
    "numpy-scalar": "numpy_materializer:NumpyScalarMaterializer",
    "numpy-memmap": "numpy_materializer:NumpyMemmapMaterializer",
    "pandas": "pandas_materializer:PandasMaterializer",
    "sklearn": "sklearn_materializer:SklearnMaterializer",
    "matplotlib": "matplotlib_materializer:MatplotlibMaterializer",
    "composite": "composite_materializer:CompositeMaterializer",
    "polars": "polars_materializer:PolarsMaterializer",
    "polars-series": "polars_materializer:SeriesMaterializer",
    "polars-lazy": "polars_materializer:LazyFrameMaterializer",
    "arrow": "pyarrow_materializer:ArrowMaterializer",
    "scipy-sparse": "scipy_materializer:SparseMaterializer",
    "torch-tensor": "torch_materializer:TensorMaterializer",
    "torch-state": "torch_materializer:StateDictMaterializer",
    "torch-module": "torch_materializer:ModuleMaterializer",
    "keras": "keras_materializer:KerasMaterializer",
    "image": "pillow_materializer:ImageMaterializer",
    "plotly": "plotly_materializer:PlotlyMaterializer",
    "xgboost": "xgboost_materializer:BoosterMaterializer",
    "xgboost-sklearn": "xgboost_materializer:XGBModelMaterializer",
    "lightgbm": "lightgbm_materializer:BoosterMaterializer",
    "lightgbm-sklearn": "lightgbm_materializer:LGBMModelMaterializer",
    FALLBACK: "cloudpickle_materializer:CloudpickleMaterializer",
}

EXACT = {
    **dict.fromkeys(
        ("builtins.NoneType", "builtins.bool", "builtins.int", "builtins.float", "builtins.str", "builtins.list",
         "builtins.dict", "builtins.tuple", "builtins.set", "builtins.frozenset"),
        "json",
    ),
    "builtins.bytes": "bytes",
    "builtins.bytearray": "bytes",
    "zenml.types.HTMLString": "html",
    "zenml.types.MarkdownString": "markdown",
    "zenml.types.CSVString": "csv",
    "zenml.types.JSONString": "json-text",
    "numpy.ndarray": "numpy",
    "numpy.memmap": "numpy-memmap",
    **dict.fromkeys(
        ("pandas.DataFrame", "pandas.Series", "pandas.Index", "pandas.RangeIndex", "pandas.MultiIndex",
         "pandas.DatetimeIndex", "pandas.TimedeltaIndex", "pandas.CategoricalIndex", "pandas.core.frame.DataFrame",
         "pandas.core.series.Series", "pandas.core.indexes.base.Index", "pandas.core.indexes.range.RangeIndex",
         "pandas.core.indexes.multi.MultiIndex", "pandas.core.indexes.datetimes.DatetimeIndex",
         "pandas.core.indexes.timedeltas.TimedeltaIndex", "pandas.core.indexes.category.CategoricalIndex"),
        "pandas",
    ),
    "polars.dataframe.frame.DataFrame": "polars",
    "polars.series.series.Series": "polars-series",
    "pyarrow.lib.Table": "arrow",
    "pyarrow.lib.RecordBatch": "arrow",
    "pyarrow.lib.ChunkedArray": "arrow",
    "pyarrow.lib.Schema": "arrow",
    "torch.Tensor": "torch-tensor",
    "torch.nn.parameter.Parameter": "torch-tensor",
    "lightgbm.basic.Booster": "lightgbm",
    "xgboost.core.Booster": "xgboost",
    "plotly.graph_objs._figure.Figure": "plotly",
}  # fmt: skip
"""Types whose subclasses would come back as something else; pandas before and after version 3."""

INHERITED = {
    "numpy.generic": "numpy-scalar",
    "sklearn.base.BaseEstimator": "sklearn",
    "matplotlib.figure.Figure": "matplotlib",
    "polars.lazyframe.frame.LazyFrame": "polars-lazy",
    "pyarrow.lib.Array": "arrow",
    "scipy.sparse._base._spbase": "scipy-sparse",
    "torch.nn.modules.module.Module": "torch-module",
    "keras.src.models.model.Model": "keras",
    "PIL.Image.Image": "image",
    "xgboost.sklearn.XGBModel": "xgboost-sklearn",
    "lightgbm.sklearn.LGBMModel": "lightgbm-sklearn",
    "pathlib.Path": "path",
    "pathlib._local.Path": "path",
}

CONTAINERS = ("list", "tuple", "dict", "collections.OrderedDict")
"""Types that are taken apart, leaf by leaf, when JSON cannot hold them."""

EXTRAS = ("numpy", "pandas", "polars", "pyarrow", "scipy", "torch", "pillow", "plotly", "xgboost", "lightgbm")
"""Extras of the package, by the name of the module that needs them at once."""

"""torch tensors, state dicts and modules; every tensor in safetensors files, which run no code when read.

Of a module only the weights are data. Its classes and their attributes are a pickle beside the
weights, so loading a module needs trust, while tensors and state dicts never do.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch

from zenml.enums import ArtifactType
from zenml.errors import ArtifactDamagedError, MaterializerError, MissingLibraryError
from zenml.materializers import facts, pickling, previews
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.materializers.blob_materializer import BlobMaterializer, FinalRefusalError, open_new
from zenml.materializers.cloudpickle_materializer import check_allowed
from zenml.records import values

_TENSOR = "value"
_ABOUT = "zenml"
_WEIGHTS = "weights.safetensors"
_MODULE = "module.pickle"


class TensorMaterializer(BlobMaterializer):
    """Stores one dense tensor or parameter in the memory of the machine."""

    SHORT_NAME = "torch-tensor"
    EXTENSION = "safetensors"
    IS_SAFE = True
    ASSOCIATED_ARTIFACT_TYPE = ArtifactType.DATA

    @classmethod
    def estimated_size(cls, value: Any) -> int:
        """Return the size of the elements."""
        return int(value.numel() * value.element_size())

    @classmethod
    def to_bytes(cls, value: Any) -> bytes:
        """Return a safetensors file with one tensor."""
        if value.grad_fn is not None:
            raise FinalRefusalError(
                "The tensor is the result of a computation that is still attached to it, and no format holds that."
                " Return `tensor.detach()`."
            )
        about = {"parameter": isinstance(value, torch.nn.Parameter), "grad": value.requires_grad}
        return _dump({_TENSOR: value}, about)

    def from_bytes(self, data: bytes) -> Any:
        """Read the tensor."""
        tensors, about = _load(data)
        return _revived(tensors[_TENSOR], about)

    def extract_metadata(self, data: Any) -> dict[str, Any]:
        """Return shape, element type and figures."""
        found = {"shape": list(data.shape), "dtype": str(data.dtype)}
        if data.dtype in (torch.bfloat16, torch.float16) or not data.dtype.is_complex:
            stride = max(1, data.numel() // facts.SAMPLE)
            looked_at = data.detach().reshape(-1)[::stride]
            wide = looked_at.float() if looked_at.is_floating_point() else looked_at
            found |= facts.numbers_facts(wide.numpy())
        return found

    def extract_preview(self, data: Any) -> dict[str, Any]:
        """Return how torch prints it."""
        return previews.text(data)


class StateDictMaterializer(BlobMaterializer):
    """Stores a mapping of names to tensors, such as a module's `state_dict()`, as one file."""

    SHORT_NAME = "torch-state"
    EXTENSION = "safetensors"
    IS_SAFE = True
    ASSOCIATED_ARTIFACT_TYPE = ArtifactType.MODEL

    @classmethod
    def to_bytes(cls, value: Any) -> bytes:
        """Return a safetensors file with all tensors."""
        if any(tensor.grad_fn is not None or tensor.requires_grad for tensor in value.values()):
            raise MaterializerError("A tensor of the mapping takes part in a computation.")
        if len({id(tensor) for tensor in value.values()}) != len(value):
            raise MaterializerError("A tensor occurs twice in the mapping.")
        attributes = dict(vars(value)) if type(value) is OrderedDict else None
        if attributes and "_metadata" in attributes:
            attributes["_metadata"] = list(attributes["_metadata"].items())
        about = {"names": list(value), "attributes": attributes}
        return _dump({str(number): tensor for number, tensor in enumerate(value.values())}, about)

    def from_bytes(self, data: bytes) -> Any:
        """Read the mapping, in its order."""
        tensors, about = _load(data)
        pairs = [(name, tensors[str(number)]) for number, name in enumerate(about["names"])]
        if about["attributes"] is None:
            return dict(pairs)
        made = OrderedDict(pairs)
        vars(made).update(about["attributes"])
        if "_metadata" in about["attributes"]:
            vars(made)["_metadata"] = OrderedDict(about["attributes"]["_metadata"])
        return made

    def extract_metadata(self, data: Any) -> dict[str, Any]:
        """Return how many tensors and parameters there are."""
        return {
            "tensors": len(data),
            "parameters": sum(tensor.numel() for tensor in data.values()),
            "shapes": {name: list(tensor.shape) for name, tensor in data.items()},
        }


class ModuleMaterializer(BaseMaterializer):
    """Stores a whole module: weights as data, the rest as a pickle that refers to them."""

    SKIP_REGISTRATION = True
    SHORT_NAME = "torch-module"
    HAS_FALLBACK = True
    ASSOCIATED_ARTIFACT_TYPE = ArtifactType.MODEL

    def save(self, data: Any) -> None:
        """Write weights and pickle."""
        check_allowed("The class of a torch module can only be stored as a pickle")
        tensors: dict[str, Any] = {}
        numbers: dict[int, str] = {}

        def leave_out(value: Any) -> Any:
            if type(value) not in (torch.Tensor, torch.nn.Parameter) or not _is_plain(value):
                return None
            name = numbers.setdefault(id(value), str(len(numbers)))
            tensors[name] = value
            return name, type(value) is torch.nn.Parameter, value.requires_grad

        try:
            pickle = pickling.dumps(data, leave_out=leave_out)
        except Exception as error:  # pickling runs the module's own code, which may raise anything
            raise MaterializerError(f"The module cannot be pickled: {error}.") from error
        with open_new(self, _MODULE) as file:
            file.write(pickle)
        with open_new(self, _WEIGHTS) as file:
            file.write(_dump(tensors, {}))

    def load(self, data_type: type[Any]) -> Any:  # the pickle says the class
        """Return the module; a tensor that several parts share is shared again."""
        check_allowed("The artifact was stored as a pickle")
        with self.artifact_store.open(_WEIGHTS, "rb") as file:
            tensors, _ = _load(file.read())
        made: dict[str, Any] = {}

        def put_in(reference: Any) -> Any:
            name, is_parameter, needs_grad = reference
            if name not in made:
                made[name] = _revived(tensors[name], {"parameter": is_parameter, "grad": needs_grad})
            return made[name]

        with self.artifact_store.open(_MODULE, "rb") as file:
            return pickling.loads(file.read(), put_in=put_in)

    def extract_metadata(self, data: Any) -> dict[str, Any]:
        """Return the class and the number of parameters."""
        return {
            "class": type(data).__qualname__,
            "parameters": sum(parameter.numel() for parameter in data.parameters()),
            "trainable": sum(parameter.numel() for parameter in data.parameters() if parameter.requires_grad),
        }

    def extract_preview(self, data: Any) -> dict[str, Any]:
        """Return how torch prints it: its layers."""
        return previews.text(data)


def _is_plain(tensor: Any) -> bool:
    """Tell whether elements and type say all about the tensor."""
    return (
        tensor.layout is torch.strided
        and tensor.device.type == "cpu"
        and tensor.grad_fn is None
        and not (tensor.is_quantized or tensor.is_conj() or tensor.is_neg() or tensor._backward_hooks)
        and not vars(tensor)
    )


def _dump(tensors: dict[str, Any], about: Any) -> bytes:
    for tensor in tensors.values():
        if not _is_plain(tensor):
            raise MaterializerError(
                f"safetensors cannot hold a tensor on `{tensor.device}` of layout `{tensor.layout}` with hooks,"
                " attributes or pending operations."
            )
    # A copy: the format refuses tensors that share memory, though their elements are all that is stored.
    plain = {
        name: tensor.detach().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()
    }
    data: bytes = _safetensors().save(plain, {_ABOUT: values.encode(about).decode()})
    return data


def _load(data: bytes) -> tuple[dict[str, Any], Any]:
    try:
        tensors = _safetensors().load(data)
        size = int.from_bytes(data[:8], "little")
        header = values.decode(data[8 : 8 + size].rstrip(), allow_types=False)
        return tensors, values.decode(header["__metadata__"][_ABOUT].encode(), allow_types=False)
    except (KeyError, ValueError, OSError, RuntimeError) as error:
        raise ArtifactDamagedError(
            f"Stored tensors are no safetensors file of ours: {error}. Run the producing step again."
        ) from error


def _revived(tensor: Any, about: Any) -> Any:
    if about["parameter"]:
        return torch.nn.Parameter(tensor, requires_grad=about["grad"])
    return tensor.requires_grad_(about["grad"])


def _safetensors() -> Any:
    try:
        import safetensors.torch
    except ImportError as error:
        raise MissingLibraryError(
            "Tensors are stored by safetensors, which is not installed. Install it with"
            " `pip install 'zenml-core[torch]'`."
        ) from error
    return safetensors.torch

"""Visit everything that a step's code reaches, and write down what it is.

Each function, class and imported module becomes a node, numbered in the order of discovery. A node holds text: its
own shape, and the values and nodes it refers to. The digest of all nodes is the fingerprint; the digest of a node by
itself is one of its parts. Nodes wait in a queue, so neither long chains of calls nor cycles matter.

How a function or a class is described is given by the caller: `function_nodes` and `class_nodes`.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Hashable

from zenml.fingerprint.code_node import Node, is_label, is_reference, name_of, reference_to, without_numbers
from zenml.fingerprint.code_shape import Import, digest_of, plain_text
from zenml.fingerprint.code_values import PLAIN, ValueWriter
from zenml.fingerprint.packages import (
    OWN,
    STANDARD,
    file_of,
    module_name,
    package_of,
    package_of_type,
    version_of,
)
from zenml.fingerprint.part_text import shown
from zenml.fingerprint.static_imports import follow_imports
from zenml.fingerprint.wrappers import owner_of, without_own, wrapped_by
from zenml.records.plan import CodePart, PartKind

Describe = Callable[["Walk", Node], None]


class Walk:
    """A walk over the code that one function reaches. It implements `code_values.Reach`."""

    def __init__(self, describe: Describe, level: int = 0) -> None:
        self.reads_docs = False
        self.values = ValueWriter(self)
        self._describe = describe
        self._level = level
        self._nodes: list[Node] = []
        self._numbers: dict[Hashable, int] = {}
        self._values: dict[tuple[int, str], str] = {}
        self._parts: list[CodePart] = []
        self._packages: dict[str, str | None] = {}
        self._blind_spots: dict[str, None] = {}
        self._read_wrappers: set[int] = set()
        self._current: Node | None = None

    def run(self, root: object) -> str:
        """Visit `root` and all that it reaches; return the digest of it."""
        text = self.values.write(root)
        if is_reference(text):
            if not self._level:
                text = ""  # a function: its name does not count
        else:
            kind = type(root)
            name = f"{module_name(kind)}.{kind.__qualname__}"
            self._parts.append(CodePart(name, "decorator", digest_of(without_numbers(text))))
        position = 0
        while position < len(self._nodes):
            self._current = self._nodes[position]
            self._describe(self, self._current)
            position += 1
        if self.reads_docs:
            for node in self._nodes:
                node.shape.append(f"docs {node.docs}")
        packages = sorted((part.name, part.digest) for part in self._package_parts())
        nodes = (
            f"{node.number} {node.kind}\n{chr(10).join((*node.shape, *node.links))}" for node in self._nodes
        )
        return digest_of(f"{text}\n{packages}\n{chr(10).join(nodes)}")

    def parts(self) -> tuple[CodePart, ...]:
        """Return the parts, sorted by name; equal names of different things get a number."""
        found = [*self._parts, *(node.part() for node in self._nodes), *self._package_parts()]
        unique = {(part.name, part.kind, part.digest): part for part in found}
        named: list[CodePart] = []
        counts: dict[str, int] = {}
        # Functions and classes keep their names; what wraps one of the same name is numbered.
        order = sorted(unique, key=lambda key: (key[0], key[1] not in {"function", "class"}, *key[1:]))
        for part in map(unique.__getitem__, order):
            count = counts[part.name] = counts.get(part.name, 0) + 1
            name = part.name if count == 1 else f"{part.name}#{count}"
            named.append(CodePart(name, part.kind, part.digest, part.file, part.line, part.text))
        return tuple(sorted(named, key=lambda part: part.name))

    def blind_spots(self) -> tuple[str, ...]:
        """Return sentences on what could not be seen."""
        return tuple(sorted(self._blind_spots))

    def strip(self, value: object) -> object:
        """Return the function in one of our own steps and pipelines; any other value as it is."""
        return without_own(value)

    def function(self, function: types.FunctionType) -> str:
        """Return the text that stands for a function; one of a package is not visited."""
        module = str(function.__globals__.get("__name__") or "")
        owner = owner_of(function)
        if owner is None:
            return self._node(id(function), "function", name_of(function), function.__qualname__, function)
        label = f"foreign {module}.{function.__qualname__}"
        if owner == OWN:
            return label
        self._add_package(owner, function.__globals__.get("__file__"))
        wrapped = self.wrapped(function, is_read=False) if function.__closure__ or function.__dict__ else ""
        if not wrapped:
            return label
        cells = (cell.cell_contents for cell in function.__closure__ or () if _is_plain(cell))
        return f"wrapper {module}.{function.__qualname__} {wrapped} {[plain_text(value) for value in cells]}"

    def cls(self, cls: type) -> str:
        """Return the text that stands for a class; one of a package is not visited."""
        owner = package_of_type(cls)
        if owner is None:
            name = f"{module_name(cls)}.{cls.__qualname__.replace('<locals>.', '')}"
            return self._node(id(cls), "class", name, cls.__qualname__, cls)
        self.package(module_name(cls))
        return f"foreign {module_name(cls)}.{cls.__qualname__}"

    def module(self, module: types.ModuleType) -> str:
        """Return the text that stands for a whole module: code that handles the module itself may use any of it."""
        name = str(module.__dict__.get("__name__"))
        file = file_of(module)
        if package_of(name, file) is not None:
            self.package(name)
            return f"foreign {name}"
        if file is None or name == "__main__":
            self.unseen(f"uses the module `{name}` as a whole, and what it would look up in it is not seen.")
            return f"module {name}"
        self.imports((Import(name, 0, ()),), "")
        return f"module {name.rpartition('.')[2]}"

    def imports(self, imports: tuple[Import, ...], package: str) -> None:
        """Add what import statements lead to, without importing it."""
        found = follow_imports(imports, package)
        for module in found.modules:
            self._node(("module", module), "module", module.name, module.name, module)
        for name, file in found.packages:
            self._add_package(name, file)
        for name in found.missing:
            self.unseen(f"imports `{name}`, which cannot be found on the path.")

    def package(self, module: str) -> None:
        """Note that the package of a module counts."""
        loaded = sys.modules.get(module)
        file = file_of(loaded) if isinstance(loaded, types.ModuleType) else None
        owner = package_of(module, file)
        if owner is not None:
            self._add_package(owner, file)
        elif file is not None and not file.endswith(".py"):
            self.imports((Import(module, 0, ()),), "")  # an extension module of the project

    def wrapped(self, value: object, *, is_read: bool) -> str:
        """Return the text of what a package's object wraps of the project; "" if it wraps nothing."""
        subjects = wrapped_by(value)
        for subject in subjects if self._needs_decorators(value) else ():
            if isinstance(subject, types.FunctionType):
                name = f"{name_of(subject)}@"
                self._node(("@", id(subject)), "decorator", name, subject.__qualname__, subject)
                self._read_wrappers |= {id(subject)} if is_read else set()
            elif not is_read:
                self.unseen(
                    f"reaches `{subject.__qualname__}` in an object of a package whose settings cannot be seen."
                )
        return " ".join(map(self.values.write, subjects))

    def is_read(self, function: types.FunctionType) -> bool:
        """Tell whether what wraps a function could be read, so that its decorators need not tell."""
        return id(function) in self._read_wrappers

    def apart(self, value: object) -> str:
        """Return a digest of all that a value leads to, whatever was visited before: it orders unordered values."""
        if self._level >= _MOST_LEVELS:
            return f"{module_name(type(value))}.{type(value).__qualname__}"
        return Walk(self._describe, self._level + 1).run(value)

    def unseen(self, what: str) -> None:
        """Note what the code visited now does that cannot be seen."""
        node = self._current
        place = "The function" if node is None else node.place()
        self._blind_spots[f"{place} {what}"] = None

    def add_value(self, key: str, value: object, kind: PartKind, name: str, *, shared: int = 0) -> None:
        """Add a value that the current node refers to as `key`, and as a part of its own unless it is a node.

        Args:
            shared: the id of the namespace that holds the value, if other functions may refer to it there too.
        """
        node = self.node
        text = self._values.get((shared, name)) if shared else None
        if text is None:
            text = self.values.write(value)
            if shared:
                self._values[shared, name] = text
        node.links.append(f"{key}={text}")
        if is_label(text):
            node.shape.append(f"{key}={without_numbers(text)}")
            return
        node.shape.append(key)
        digest = digest_of(without_numbers(text))
        part_text = shown(name.rpartition(".")[2], value)
        file, line = (None, None) if kind == "constant" else (node.file, node.line)
        self._parts.append(CodePart(name, kind, digest, file, line, part_text))

    def add_shape(self, key: str, value: object) -> None:
        """Add a value that makes up what the current node is, such as the base of a class."""
        text = self.values.write(value)
        self.node.links.append(f"{key}={text}")
        self.node.shape.append(f"{key}={without_numbers(text)}")

    @property
    def node(self) -> Node:
        """Return the node that is described now."""
        if self._current is None:
            raise RuntimeError("No node is described now. Call this from the `describe` of the walk only.")
        return self._current

    def _node(self, key: Hashable, kind: PartKind, name: str, label: str, subject: object) -> str:
        """Return the text that stands for a node, which is visited later if it is new."""
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._nodes)
            self._nodes.append(Node(number, kind, name, label, subject))
        return reference_to(number, label)

    def _needs_decorators(self, wrapper: object) -> bool:
        """Tell whether a wrapper may have been told things that only the lines of the decorator show."""
        if isinstance(wrapper, types.FunctionType):
            return owner_of(wrapper) != STANDARD
        return package_of_type(type(wrapper)) != STANDARD

    def _add_package(self, package: str, file: object) -> None:
        if package not in {OWN, STANDARD}:
            self._packages.setdefault(package, file if isinstance(file, str) else None)

    def _package_parts(self) -> list[CodePart]:
        """Return a part for each package, Python itself among them."""
        versions = {name: version_of(name, file) for name, file in self._packages.items()}
        versions[STANDARD] = f"{sys.version_info.major}.{sys.version_info.minor}"
        return [
            CodePart(name, "package", digest_of(f"{name} {version}"), text=f"{name} {version}")
            for name, version in versions.items()
        ]


# Sets of sets of objects.
_MOST_LEVELS = 3


def _is_plain(cell: types.CellType) -> bool:
    try:
        return type(cell.cell_contents) in PLAIN
    except ValueError:
        return False  # not filled yet

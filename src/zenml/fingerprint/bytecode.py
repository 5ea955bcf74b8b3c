"""Read the instructions of a code object, freed of lines, caches and layout, alike for Python 3.11 to 3.14.

`code_shape` builds on it. What differs between the versions of Python (how a name is packed into an
argument, joined instructions, where exception handlers are kept) is settled here, with the tables of `opcode`.
"""

from __future__ import annotations

import opcode
import sys
import types
from collections.abc import Iterator

# How the argument of an instruction is read.
RAW, BARE, CONSTANT, NAME, VARIABLE, FORWARD, BACKWARD, _SKIP, _PAIR = range(9)

# (opcode, argument, and for jumps the unit of `co_code` that they count from)
Instruction = tuple[int, int, int]
# (first instruction, the one after the last, the handler's first, depth of the stack)
Handler = tuple[int, int, int, int]

CODES = {name: number for name, number in opcode.opmap.items() if number < 256}


def codes_of(*names: str) -> frozenset[int]:
    """Return the numbers of those instructions that this version of Python has."""
    return frozenset(CODES[name] for name in names if name in CODES)


LOAD_CONST = CODES["LOAD_CONST"]
IMPORT_NAME = CODES["IMPORT_NAME"]
PUSH_NULL = CODES["PUSH_NULL"]
ATTRIBUTE_LOADS = codes_of("LOAD_ATTR", "LOAD_METHOD")
GLOBAL_LOADS = codes_of("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
FREE_LOADS = codes_of("LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF")
LOOKUPS = ATTRIBUTE_LOADS | GLOBAL_LOADS | FREE_LOADS | {IMPORT_NAME}

# Left out: they carry lines and caches, or set up what other instructions imply.
_SKIPPED = codes_of("CACHE", "NOP", "RESUME", "EXTENDED_ARG", "MAKE_CELL", "COPY_FREE_VARS", "NOT_TAKEN")
# The compiler joins two instructions only where both stand on one line, so a joined one is read as two.
_JOINED = {
    "LOAD_FAST_LOAD_FAST": ("LOAD_FAST", "LOAD_FAST"),
    "STORE_FAST_LOAD_FAST": ("STORE_FAST", "LOAD_FAST"),
    "STORE_FAST_STORE_FAST": ("STORE_FAST", "STORE_FAST"),
    "LOAD_FAST_BORROW_LOAD_FAST_BORROW": ("LOAD_FAST", "LOAD_FAST"),
}
_PARTS = {CODES[name]: (CODES[a], CODES[b]) for name, (a, b) in _JOINED.items() if name in CODES}
# Variants that the compiler picks by analysing the flow, with the same meaning.
_VARIANTS = dict.fromkeys(codes_of("LOAD_FAST_BORROW", "LOAD_FAST_CHECK"), CODES["LOAD_FAST"])
# What class and module bodies assign for themselves: docstrings, lines, and names in no certain order.
_UNCOUNTED = frozenset({"__doc__", "__firstlineno__", "__static_attributes__"})

_EXTENDED_ARG = CODES["EXTENDED_ARG"]
_LOAD_FAST = CODES["LOAD_FAST"]
_BUILD_TUPLE = CODES["BUILD_TUPLE"]
_STORE_NAME = CODES["STORE_NAME"]
_RETURN_VALUE = CODES["RETURN_VALUE"]
_RETURN_CONST = CODES.get("RETURN_CONST")
# How many low bits of the argument hold flags, with the name above them.
FLAG_BITS = [0] * 256
FLAG_BITS[CODES["LOAD_GLOBAL"]] = 1
if sys.version_info >= (3, 12):
    FLAG_BITS[CODES["LOAD_ATTR"]] = 1
    FLAG_BITS[CODES["LOAD_SUPER_ATTR"]] = 2
# Loads the cell of a captured variable, to make a closure. Python 3.13 writes it as LOAD_FAST.
_LOAD_CLOSURE = CODES.get("LOAD_CLOSURE", 256)


def _kind(name: str, number: int) -> int:
    """Return how the argument of the instruction is read."""
    if number in _SKIPPED:
        return _SKIP
    if number in _PARTS or number == _RETURN_CONST:
        return _PAIR
    if number == _LOAD_CLOSURE or name == "END_ASYNC_FOR":
        return BARE
    if number in opcode.hasconst:
        return CONSTANT
    if number in opcode.hasname:
        return NAME
    if number in opcode.haslocal or number in opcode.hasfree or number in FREE_LOADS:
        return VARIABLE
    if number in opcode.hasjrel:
        return BACKWARD if "BACKWARD" in name else FORWARD
    return RAW


_JUMPS = (FORWARD, BACKWARD)
KINDS = [RAW] * 257
KINDS[_LOAD_CLOSURE] = BARE  # the order of the loads is that of names; the use in the nested code tells
for _name, _op in CODES.items():
    KINDS[_op] = _kind(_name, _op)


def instructions_of(code: types.CodeType) -> tuple[list[Instruction], list[int], list[object]]:
    """Return the instructions, the index in them for each unit of `co_code`, and the docstrings left out."""
    units = code.co_code
    found: list[Instruction] = []
    docs: list[object] = []
    index_at: list[int] = []  # a unit that is left out stands for the next instruction that is not
    high = 0
    for unit, (op, low) in enumerate(zip(units[::2], units[1::2], strict=True)):
        index_at.append(len(found))
        kind = KINDS[op]
        if kind == _SKIP:
            high = (low | high) << 8 if op == _EXTENDED_ARG else 0
            continue
        argument, high = low | high, 0
        if kind in _JUMPS:
            found.append((op, argument, _after_caches(units, unit + 1)))
        elif kind == _PAIR:
            found += _pair(op, argument)
        elif op == _STORE_NAME and code.co_names[argument] in _UNCOUNTED:
            docs.append(_take_back(code, found))
        else:
            if op == _BUILD_TUPLE and argument and _LOAD_CLOSURE == 256:
                _mark_closure(code, found, argument)
            found.append((_VARIANTS.get(op, op), argument, 0))
    index_at.append(len(found))
    return found, index_at, docs


def handlers_of(code: types.CodeType, index_at: list[int]) -> list[Handler]:
    """Return the exception handlers."""
    numbers = _varints(code.co_exceptiontable)
    entries = zip(numbers, numbers, numbers, numbers, strict=False)
    return [
        (index_at[start], index_at[start + length], index_at[target], depth)
        for start, length, target, depth in entries
    ]


def name_of(code: types.CodeType, op: int, argument: int) -> str:
    """Return the name that an instruction of kind `NAME` uses."""
    return code.co_names[argument >> FLAG_BITS[op]]


def _after_caches(units: bytes, unit: int) -> int:
    """Return the first unit from `unit` on that is not the cache of an instruction."""
    while units[2 * unit : 2 * unit + 1] == b"\0":
        unit += 1
    return unit


def _pair(op: int, argument: int) -> tuple[Instruction, Instruction]:
    """Return the two instructions that are joined in one."""
    if op == _RETURN_CONST:
        return (LOAD_CONST, argument, 0), (_RETURN_VALUE, 0, 0)
    first, second = _PARTS[op]
    return (first, argument >> 4, 0), (second, argument & 15, 0)


def _take_back(code: types.CodeType, found: list[Instruction]) -> object:
    """Remove the load of a value that is not counted, and return the value."""
    op, argument, _ = found.pop()
    return code.co_consts[argument] if op == LOAD_CONST else None


def _mark_closure(code: types.CodeType, found: list[Instruction], count: int) -> None:
    """Mark the last `count` loads as those of a closure, if all of them load captured variables."""
    names = (*code.co_varnames, *(name for name in code.co_cellvars if name not in code.co_varnames))
    names += code.co_freevars
    captured = {*code.co_cellvars, *code.co_freevars}
    loads = found[-count:]
    if all(op == _LOAD_FAST and names[argument] in captured for op, argument, _ in loads):
        found[-count:] = [(_LOAD_CLOSURE, argument, 0) for _, argument, _ in loads]


def _varints(table: bytes) -> Iterator[int]:
    """Return the numbers of an exception table: six bits a byte, high ones first, bit 6 says that more follow."""
    value = 0
    for byte in table:
        value = value << 6 | byte & 63
        if not byte & 64:
            yield value
            value = 0

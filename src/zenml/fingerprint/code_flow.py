"""Order instructions by how control flows through them, not by where the compiler put them.

Splitting an expression over two lines can make the compiler keep a jump that it would otherwise merge with the next
one, or turn a condition around. In the order of the flow both come out the same, and so formatting does
not change a fingerprint. Plain jumps disappear, and a negated condition is its opposite with the branches swapped.
"""

from __future__ import annotations

from zenml.fingerprint import bytecode

# An instruction by its index, or a text and the index of the instruction that it leads to.
Step = int | tuple[str, int]


def flow_of(
    instructions: list[bytecode.Instruction], index_at: list[int], handlers: list[bytecode.Handler]
) -> tuple[list[Step], dict[int, int]]:
    """Return the steps in the order of the flow, and the place among them of each instruction."""
    steps: list[Step] = []
    places: dict[int, int] = {}
    targets = _targets(instructions, index_at)
    guards = _guards(handlers)
    guard: tuple[int, int] | None = None
    waiting = [0]
    caught: list[int] = []  # handlers are written after what they guard
    while waiting or caught:
        index = waiting.pop() if waiting else caught.pop(0)
        is_fresh = True
        while True:
            if instructions[index][0] in _PLAIN_JUMPS:
                index = _landing(instructions, targets, index)
            if index in places:
                if not is_fresh:
                    steps.append(("to", index))
                break
            is_fresh = False
            if guards and guards.get(index) != guard:
                guard = guards.get(index)
                steps.append((f"guard {guard[1]}", guard[0]) if guard else ("free", index))
                caught += guard[:1] if guard else ()
            places[index] = len(steps)
            op = instructions[index][0]
            if op in _PLAIN_JUMPS:
                steps.append(("to", index))  # `while True: pass`
                break
            if index in targets:
                op, other = _decided(instructions, targets, op, targets[index])
                text, is_negated = _CONDITIONS.get(op, (str(op), False))
                index, other = (other, index + 1) if is_negated else (index + 1, other)
                other = _landing(instructions, targets, other)
                steps.append((text, other))
                waiting.append(other)
                continue
            steps.append(index)
            if op in _ENDS:
                break
            index += 1
    return steps, places


_PLAIN_JUMPS = bytecode.codes_of("JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT")
_ENDS = bytecode.codes_of("RETURN_VALUE", "RAISE_VARARGS", "RERAISE")
# Jumps that can be turned around: the condition they test, and whether they jump when it does not hold.
_CONDITIONS = {
    number: ("if none" if "NONE" in name else "if true", name.endswith(("IF_FALSE", "IF_NOT_NONE")))
    for name, number in bytecode.CODES.items()
    if name.startswith("POP_JUMP_")
}
_TESTS = {
    number: "TRUE" if name.endswith("TRUE") else "FALSE"
    for name, number in bytecode.CODES.items()
    if name.startswith("POP_JUMP_") and "NONE" not in name
}
# Python 3.11 jumps on a value and keeps it, for `and` and `or`: the jump that takes it away, and on what it jumps.
_KEEPING = {
    bytecode.CODES[f"JUMP_IF_{value}_OR_POP"]: (bytecode.CODES[f"POP_JUMP_FORWARD_IF_{value}"], value)
    for value in ("TRUE", "FALSE")
    if f"JUMP_IF_{value}_OR_POP" in bytecode.CODES
}


def _decided(
    instructions: list[bytecode.Instruction], targets: dict[int, int], op: int, target: int
) -> tuple[int, int]:
    """Return the jump with its target, led past tests of the value that it has just tested itself."""
    while op in _KEEPING:
        target = _landing(instructions, targets, target)
        taking, value = _KEEPING[op]
        again = instructions[target][0]
        tested = _KEEPING[again][1] if again in _KEEPING else _TESTS.get(again)
        if tested is None:
            break
        if again not in _KEEPING or tested != value:
            op = taking
        target = targets[target] if tested == value else target + 1
    return op, target


def _targets(instructions: list[bytecode.Instruction], index_at: list[int]) -> dict[int, int]:
    """Return the instruction that each jump leads to."""
    kinds = bytecode.KINDS
    targets = {}
    for index, (op, argument, following) in enumerate(instructions):
        if kinds[op] == bytecode.FORWARD:
            targets[index] = index_at[following + argument]
        elif kinds[op] == bytecode.BACKWARD:
            targets[index] = index_at[following - argument]
    return targets


def _landing(instructions: list[bytecode.Instruction], targets: dict[int, int], index: int) -> int:
    """Return where control goes on from `index`, through any number of plain jumps."""
    seen = set()
    while instructions[index][0] in _PLAIN_JUMPS and index not in seen:
        seen.add(index)
        index = targets[index]
    return index


def _guards(handlers: list[bytecode.Handler]) -> dict[int, tuple[int, int]]:
    """Return, for each guarded instruction, the handler and the depth of the stack that it gets."""
    return {index: (handler, depth) for first, end, handler, depth in handlers for index in range(first, end)}

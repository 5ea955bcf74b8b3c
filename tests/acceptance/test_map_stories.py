"""Stories of fan-out, as scripts: the cache by value, failures that name elements, what is told of a run."""

FLOW = """
    import numpy as np
    from zenml import unmapped

    @step
    def split(n: int) -> list[int]:
        return list(range(n))

    @step
    def work(part: int, factor: int) -> int:
        mark(part)
        if part == BAD:
            raise ValueError(f"part {part} is bad")
        return part * factor

    @step
    def norm(row: np.ndarray) -> float:
        mark(row.tolist())
        return float(row.sum())

    @step
    def join(results: list[int]) -> int:
        return sum(results)

    BAD = -1
"""


def test_split_work_and_join_and_one_more_part(lab):
    story = (
        FLOW
        + """
    @pipeline(dynamic=True)
    def flow(n: int):
        results = work.map(split.submit(n), unmapped(10))
        fact(total=join(results).load())

    flow(3)
    flow(4)
    """
    )
    result = lab.run(story)

    assert result.facts["total"] == 60
    assert sorted(mark["mark"] for mark in result.marks) == [0, 1, 2, 3]


def test_rows_of_an_array_in_another_order_are_answered_from_the_cache(lab):
    result = lab.run(
        FLOW
        + """
    @pipeline(dynamic=True)
    def flow(reverse: bool):
        rows = np.arange(6.0).reshape(3, 2)
        fact(norms=norm.map(rows[::-1] if reverse else rows).load())

    flow(False)
    run = flow(True)
    fact(states=sorted({str(one.status) for one in run.steps.values()}))
    """
    )

    assert result.facts == {"norms": [9.0, 5.0, 1.0], "states": ["cached"]}
    assert len(result.marks) == 3


def test_a_failure_names_its_element_and_its_log(lab):
    result = lab.run(
        FLOW
        + """
    @pipeline(dynamic=True)
    def flow():
        global BAD
        try:
            work.map([1, -1, 2], unmapped(1)).load()
        except ExceptionGroup as group:
            fact(text=str(group), note=group.exceptions[0].__notes__[0])

    flow()
    """
    )

    assert result.facts["text"].startswith("1 of 3 elements of map `work` failed: [1]")
    assert result.facts["note"].startswith("Element 1 of map `work`: part=-1.")

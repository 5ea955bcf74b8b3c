"""Two steps that hand over a number, and nothing else: measured as a whole process."""

from zenml import pipeline, step


@step
def produce() -> int:
    return 41


@step
def consume(x: int) -> int:
    return x + 1


@pipeline
def hello():
    consume(produce())


if __name__ == "__main__":
    hello()

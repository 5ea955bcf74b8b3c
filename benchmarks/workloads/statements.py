"""Three uncached steps on an open store: what is asked of the database."""

from figures import fresh_store, report

from zenml import pipeline, step
from zenml.store.opening import open_store


@step(enable_cache=False)
def start() -> int:
    return 0


@step(enable_cache=False)
def increment(x: int) -> int:
    return x + 1


@pipeline
def three():
    increment(increment(start()))


if __name__ == "__main__":
    fresh_store("statements")
    file = open_store().file
    statements, transactions = file.statements, file.transactions
    three()
    report(statements=file.statements - statements, transactions=file.transactions - transactions)

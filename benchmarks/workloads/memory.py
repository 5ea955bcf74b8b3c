"""A pipeline of one step that does nothing: how much memory its process ever needed."""

from zenml import pipeline, step


@step
def nothing() -> None:
    pass


@pipeline
def no_op():
    nothing()


if __name__ == "__main__":
    no_op()
    from figures import peak_memory, report

    report(megabytes=peak_memory())

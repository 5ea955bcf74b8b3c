"""Decorators: what is put under `@step` and `@pipeline`, their options, signatures and outputs."""

import pytest
from bad_rows import by_id, check_row, row

from zenml.errors import ArgumentError, ConfigurationError, DeclarationError, MaterializerError

DECORATORS = [
    row("a number as a step", DeclarationError, "step(42)", "`@step`", "42", "function"),
    row("a text as a step", DeclarationError, 'step("train")', "`@step`", "'train'", "name="),
    row("a number as a pipeline", DeclarationError, "pipeline(42)", "`@pipeline`", "42", "function"),
    row("None as a step", DeclarationError, "step()(None)", "`@step`", "None", "function"),
    row("a step as a step", DeclarationError, "step(load)", "`load`", "step already", "once"),
    row("a step as a pipeline", DeclarationError, "pipeline(load)", "`load`", "step", "`load()`"),
    row("a pipeline as a step", DeclarationError, "step(flow)", "`flow`", "pipeline", "`flow()`"),
    row("a pipeline as a pipeline", DeclarationError, "pipeline(flow)", "`flow`", "once"),
    row("a class as a step", DeclarationError, "@step\nclass Trainer:\n    pass", "`Trainer`", "class", "function"),
    row("a class without a method as a pipeline", DeclarationError,
        "@pipeline\nclass Training:\n    pass", "`Training`", "`connect`", "`run`"),
    row("an unknown option of a step", ConfigurationError,
        "@step(enable_cach=False)\ndef train() -> int:\n    return 1", "`@step`", "`enable_cach`", "`enable_cache`"),
    row("an unknown option of a pipeline", ConfigurationError,
        "@pipeline(on_sucess=print)\ndef training():\n    load()", "`@pipeline`", "`on_sucess`", "`on_success`"),
    row("a step's option on a pipeline", ConfigurationError,
        "@pipeline(runtime='isolated')\ndef training():\n    load()", "`@pipeline`", "`runtime`", "`@step`"),
    row("a pipeline's option on a step", ConfigurationError,
        "@step(tags=['a'])\ndef train() -> int:\n    return 1", "`@step`", "`tags`", "`@pipeline`"),
    row("a run's option in the decorator", ConfigurationError,
        "@pipeline(run_name='x')\ndef training():\n    load()", "`@pipeline`", "`run_name`", "with_options(run_name=…)"),
    row("a schedule in the decorator", ConfigurationError,
        "@pipeline(schedule=Schedule(cron_expression='0 2 * * *'))\ndef training():\n    load()",
        "`@pipeline`", "`schedule`", "with_options(schedule=…)"),
    row("an option far from any", ConfigurationError,
        "@step(gpus=2)\ndef train() -> int:\n    return 1", "`@step`", "`gpus`", "It takes", "settings"),
    row("an unknown option in configure", ConfigurationError,
        "load.configure(enable_cahce=True)", "Step `load`", "`enable_cahce`", "`enable_cache`"),
    row("an unknown option in with_options", ConfigurationError,
        "flow.with_options(run_nme='x')", "Pipeline `flow`", "`run_nme`", "`run_name`"),
    row("an option under two spellings", ConfigurationError,
        "@step(on_success=print, success_hook_source=print)\ndef train() -> int:\n    return 1",
        "`on_success`", "two spellings"),
    row("a name that is a number", ConfigurationError,
        "@step(name=5)\ndef train() -> int:\n    return 1", "`name`", "5", "text"),
    row("an empty name", ConfigurationError,
        "@pipeline(name='')\ndef training():\n    load()", "`name`", "''", "text"),
    row("a name with NUL", ConfigurationError,
        "@pipeline(name='a\\0b')\ndef training():\n    load()\ntraining()", "`name`", "'a\\x00b'", "printable"),
    row("a name of a step with a slash and a line end", ConfigurationError,
        "@step(name='a\\nb')\ndef train() -> int:\n    return 1", "`name`", "'a\\nb'", "printable"),
    row("an id that cannot be printed", DeclarationError,
        "one = step(lambda: 1)\n@pipeline\ndef training():\n    one(id='<x>\\n')\ntraining()", "id", "printable"),
    row("a method as a step", DeclarationError, """
        class Trainer:
            @step
            def train(self) -> int:
                return 1

        @pipeline
        def training():
            Trainer().train()

        training()
        """, "`train`", "`Trainer`", "Move the function out of the class"),
    row("a method as a step, through the class", ArgumentError, """
        class Trainer:
            @step
            def train(self) -> int:
                return 1

        @pipeline
        def training():
            Trainer.train()

        training()
        """, "`train`", "`self`", "flow.py:2", "out of its class"),
    row("forgotten parentheses around an option", DeclarationError,
        "@step\n@step(enable_cache=False)\ndef train() -> int:\n    return 1", "`train`", "step already"),
]  # fmt: skip

OUTPUTS = [
    row("a generator", DeclarationError, """
        @step
        def numbers() -> Iterator[int]:
            yield 1

        @pipeline
        def counting():
            numbers()

        counting()
        """, "`numbers`", "flow.py:1", "`yield`", "list"),
    row("an asynchronous generator", DeclarationError, """
        @step
        async def numbers():
            yield 1

        @pipeline
        def counting():
            numbers()

        counting()
        """, "`numbers`", "flow.py:1", "`yield`", "list"),
    row("a generator as the declared type", MaterializerError, """
        @step
        def numbers() -> Generator:
            return (n for n in range(3))

        @pipeline
        def counting():
            numbers()

        counting()
        """, "`output`", "`numbers`", "flow.py:1", "enerator", "list"),
    row("tuples of two lengths", DeclarationError, """
        @step
        def either(flag: bool):
            if flag:
                return 1, 2
            return 1, 2, 3

        @pipeline
        def choosing():
            either(True)

        choosing()
        """, "`either`", "2 and 3", "flow.py:1"),
    row("fewer values than declared", DeclarationError, """
        @step
        def pair() -> tuple[int, int, int]:
            return 1, 2

        @pipeline
        def pairing():
            pair()

        pairing()
        """, "`pair`", "2", "3", "flow.py:1"),
    row("two outputs of one name", DeclarationError, """
        @step
        def pair() -> tuple[Annotated[int, "low"], Annotated[int, "low"]]:
            return 1, 2

        @pipeline
        def pairing():
            pair()

        pairing()
        """, "`pair`", "`low`", "Annotated"),
    row("a path as the name of an output", DeclarationError, """
        @step
        def one() -> Annotated[int, "../../etc/passwd"]:
            return 1

        @pipeline
        def only():
            one()

        only()
        """, "`one`", "../../etc/passwd", "letters"),
    row("a number as the name of an output", ConfigurationError, """
        @step
        def one() -> Annotated[int, ArtifactConfig(name=7)]:
            return 1

        @pipeline
        def only():
            one()

        only()
        """, "7", "name", "text"),
    row("a placeholder that nothing stands for", ConfigurationError, """
        @step
        def one() -> Annotated[int, "scores_{dat}"]:
            return 1

        @pipeline
        def only():
            one()

        only()
        """, "`one`", "`{dat}`", "`date`", "substitutions"),
    row("a lock as an output", MaterializerError, """
        @step
        def lock() -> threading.Lock().__class__:
            return threading.Lock()

        @pipeline
        def locking():
            lock()

        locking()
        """, "`lock`", "flow.py:1", "lock", "Return"),
    row("an unknown materializer", ConfigurationError, """
        @step(output_materializers="my.missing.Materializer")
        def one() -> int:
            return 1

        @pipeline
        def only():
            one()

        only()
        """, "`one`", "`my.missing.Materializer`", "import"),
    row("a function as a materializer", ConfigurationError, """
        @step(output_materializers=print)
        def one() -> int:
            return 1

        @pipeline
        def only():
            one()

        only()
        """, "`one`", "print", "BaseMaterializer"),
    row("a materializer of an output that is not there", ConfigurationError, """
        @step(output_materializers={"modle": "zenml.materializers.bytes_materializer.BytesMaterializer"})
        def one() -> Annotated[bytes, "model"]:
            return b""

        @pipeline
        def only():
            one()

        only()
        """, "`one`", "`modle`", "`model`"),
    row("a number as a materializer", ConfigurationError, """
        @step(output_materializers=3)
        def one() -> int:
            return 1

        @pipeline
        def only():
            one()

        only()
        """, "`output_materializers`", "`one`", "3"),
    row("an artifact version that is no number", ConfigurationError,
        "ArtifactConfig(name='model', version='latest')", "'latest'", "whole numbers from 1", "tag"),
    row("an artifact version of zero", ConfigurationError, "ArtifactConfig(version=0)", "0", "from 1"),
    row("metadata that is no mapping", ConfigurationError, """
        @step
        def one() -> Annotated[int, ArtifactConfig(name="one", run_metadata=[1])]:
            return 1

        @pipeline
        def only():
            one()

        only()
        """, "`run_metadata`", "`one`", "mapping"),
    row("a tag that is a number", ConfigurationError, """
        @step
        def one() -> Annotated[int, ArtifactConfig(name="one", tags=[5])]:
            return 1

        @pipeline
        def only():
            one()

        only()
        """, "`one`", "5", "text"),
    row("a typo in ArtifactConfig", ConfigurationError, "ArtifactConfig(nmae='x')", "`nmae`", "`name`", "ArtifactConfig"),
]  # fmt: skip


@pytest.mark.parametrize(**by_id(DECORATORS + OUTPUTS))
def test_a_wrong_declaration(row, tmp_path):
    check_row(row, tmp_path)


def test_missing_annotations_are_refused_where_they_are_enforced(tmp_path, monkeypatch):
    monkeypatch.setenv("ZENML_ENFORCE_TYPE_ANNOTATIONS", "true")
    code = "@step\ndef train(rate):\n    return rate"
    check_row(row("", DeclarationError, code, "`train`", "`rate`", "flow.py:1", "annotation"), tmp_path)

"""`async` pipelines: a loop that waits for steps, and ends when the run does."""

import signal

import pytest


def test_an_async_pipeline_waits_for_steps_in_every_way(lab):
    result = lab.run(
        """
        import asyncio

        @step
        def increment(x: int) -> int:
            return x + 1

        @step
        async def later(x: int) -> int:
            await asyncio.sleep(0)
            return x + 1

        @step(runtime="isolated")
        async def elsewhere(x: int) -> int:
            await asyncio.sleep(0)
            return x + 1

        @step
        def fail() -> int:
            raise ValueError("no")

        @step(enable_cache=False)
        def slow(x: int) -> int:
            wait_for_mark("go on")
            return x

        @pipeline(dynamic=True)
        async def inner(x):
            return await increment(x)

        @pipeline(dynamic=True)
        async def flow():
            one = await increment(0)
            two = increment(one)
            gathered = await asyncio.gather(*[later.submit(n) for n in range(3)], elsewhere(3))
            ended = [(await each).load() for each in asyncio.as_completed([later(n) for n in (7, 8)])]
            waiting = slow(5)
            try:
                await asyncio.wait_for(waiting, 0.05)
            except TimeoutError:
                fact(timeout=True, goes_on=waiting.running())
            mark("go on")
            try:
                await fail()
            except ValueError as error:
                fact(caught=str(error))

            async def chain(x):
                return (await increment(await later(x))).load()

            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(chain(n)) for n in range(2)]
            child = await inner(two)
            fact(
                gathered=[each.load() for each in gathered], ended=sorted(ended), slow=(await waiting).load(),
                tasks=[task.result() for task in tasks], child=child.load(),
            )
            return child

        run = flow()
        fact(value=run.outputs[0].load(), status=run.status)

        async def main():
            return flow().status

        fact(inside_a_loop=asyncio.run(main()))
        """
    )
    assert result.facts == {
        "timeout": True, "goes_on": True, "caught": "no", "gathered": [1, 2, 3, 4], "ended": [8, 9], "slow": 5,
        "tasks": [2, 3], "child": 3, "value": 3, "status": "completed", "inside_a_loop": "completed",
    }  # fmt: skip


HANGING = """
    import asyncio

    @step(enable_cache=False)
    def work():
        mark("running")
        hang()

    @pipeline(dynamic=True)
    async def flow():
        try:
            await work()
        finally:
            mark("cleaned up")

    {call}
"""
CALLS = {
    "plain": "flow()",
    "inside a loop": """
    async def main():
        flow()

    asyncio.run(main())
    """,
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, -2), (signal.SIGTERM, 143)])
def test_a_signal_ends_an_async_pipeline(lab, call, number, status):
    program = lab.start(HANGING.format(call=CALLS[call]))
    program.wait_for_mark("running")
    program.kill(number)

    result = program.finish()
    assert result.returncode in (status, 130), result.err
    assert result.count("cleaned up") == 1
    assert lab.client().list_pipeline_runs().items[0].status == "stopped"


def test_a_request_to_stop_ends_an_async_pipeline(lab):
    from zenml.store.stopping import request_stop

    program = lab.start(HANGING.format(call="flow()"))
    program.wait_for_mark("running")
    run = lab.client().list_pipeline_runs().items[0]
    request_stop(lab.database(), run.id, "enough")

    result = program.finish()
    assert "was stopped: enough" in result.err
    assert result.count("cleaned up") == 1
    assert run.refresh().status == "stopped"


def test_retries_and_timeouts_come_while_the_loop_waits(lab):
    result = lab.run(
        """
        @step(retry={"max_retries": 2, "delay": 0.05}, enable_cache=False)
        def flaky():
            mark("flaky")
            if len(marks("flaky")) < 3:
                raise OSError("again")

        @step(runtime="isolated", timeout=0.5, enable_cache=False)
        def endless():
            hang()

        @pipeline(dynamic=True)
        async def flow():
            await flaky()
            try:
                await endless()
            except TimeoutError as error:
                fact(caught=type(error).__name__)

        fact(status=flow().status)
        """
    )
    assert result.count("flaky") == 3
    assert result.facts == {"caught": "StepTimeoutError", "status": "completed"}


def test_a_failure_that_nobody_awaits_fails_the_run(lab):
    result = lab.run(
        """
        @step
        def fail():
            raise ValueError("alone")

        @pipeline(dynamic=True)
        async def flow():
            fail()

        flow()
        """,
        expect=1,
    )
    assert "ValueError: alone" in result.err


@pytest.mark.parametrize(
    ("decorator", "body", "said"),
    [
        ("@pipeline", "await work()", "Declare it with `@pipeline(dynamic=True)`"),
        ("@pipeline(dynamic=True)", "yield work()", "has a `yield`"),
    ],
)
def test_what_cannot_be_an_async_pipeline_is_refused(lab, decorator, body, said):
    result = lab.run(
        f"""
        @step
        def work():
            pass

        {decorator}
        async def flow():
            {body}

        flow()
        """,
        expect=1,
    )
    assert said in result.err

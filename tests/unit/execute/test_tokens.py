"""Tokens are never given out twice, the one that waits longest is next, and everything runs in the end."""

import random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from zenml.execute.tokens import Need, Tokens

PLACES = {"inline": 100, "isolated": 100}


class One(msgspec.Struct, frozen=True):
    id: str


def next_id(tokens, places=PLACES, passed_over=()):
    found = tokens.next(places, passed_over)
    return found and found[0].id


def test_what_does_not_fit_waits_until_enough_was_given_back():
    tokens = Tokens(Need(cpu=2000))
    tokens.take("a", Need(cpu=1500))

    assert tokens.may_take(Need(cpu=500))
    assert not tokens.may_take(Need(cpu=1000))
    tokens.wait(One("b"), "inline", Need(cpu=1000))
    assert next_id(tokens) is None
    tokens.give_back("a")
    assert next_id(tokens) == "b"


def test_what_the_first_that_waits_needs_is_set_aside():
    tokens = Tokens(Need(cpu=4000, memory=10))
    tokens.take("runs", Need(cpu=2000))
    tokens.wait(One("big"), "inline", Need(cpu=3000))

    assert not tokens.may_take(Need(cpu=1000))  # 2 are free, and all of them wait for `big`
    assert tokens.may_take(Need(memory=10))  # which needs no memory
    tokens.give_back("runs")
    assert tokens.may_take(Need(cpu=1000))  # what it leaves over
    assert not tokens.may_take(Need(cpu=2000))


def test_what_is_left_over_goes_to_those_that_wait_in_their_order():
    tokens = Tokens(Need(cpu=4000, memory=10))
    tokens.take("runs", Need(cpu=4000))
    for name, need in (
        ("big", Need(cpu=4000)),
        ("a", Need(memory=6)),
        ("b", Need(memory=6)),
        ("c", Need(memory=4)),
    ):
        tokens.wait(One(name), "inline", need)

    found, kind, need = tokens.next(PLACES)
    tokens.drop(kind, need)
    tokens.take(found.id, need)

    assert found.id == "a"
    assert next_id(tokens) == "c"


def test_without_a_place_of_its_kind_nothing_is_next_and_its_tokens_stay_set_aside():
    tokens = Tokens(Need(cpu=1000))
    tokens.wait(One("a"), "isolated", Need(cpu=1000))
    tokens.wait(One("b"), "inline", Need(cpu=1000))

    assert next_id(tokens, {"inline": 1, "isolated": 0}) is None
    assert next_id(tokens, PLACES, {"a"}) is None
    assert next_id(tokens) == "a"


def test_what_needs_nothing_may_always_start():
    tokens = Tokens(Need())
    tokens.wait(One("a"), "inline", Need(gpu=1))

    assert tokens.may_take(Need())


def test_giving_back_twice_gives_back_once():
    tokens = Tokens(Need(cpu=1000))
    tokens.take("a", Need(cpu=1000))

    tokens.give_back("a")
    tokens.give_back("a")

    assert tokens.free == Need(cpu=1000)


def test_those_that_are_no_longer_ready_wait_no_longer():
    tokens = Tokens(Need(cpu=1000))
    tokens.wait(One("a"), "inline", Need(cpu=2000))
    tokens.wait(One("b"), "inline", Need(cpu=1000))

    tokens.keep(lambda one: one.id != "a")

    assert next_id(tokens) == "b"
    tokens.clear()
    assert not tokens.has_waiting


NEEDS = st.builds(Need, cpu=st.integers(0, 4000), memory=st.integers(0, 8), gpu=st.integers(0, 1))


@given(st.lists(NEEDS, max_size=30), st.randoms(use_true_random=False))
def test_never_more_than_there_is_and_everything_runs(needs: list[Need], chance: random.Random):
    """Steps come and end in any order; the first that waits starts before anything that came later takes its tokens."""
    capacity = Need(4000, 8, 1)
    tokens: Tokens[One] = Tokens(capacity)
    coming, running, ended = dict(enumerate(needs)), {}, []
    while len(ended) < len(needs):
        if coming and chance.random() < 0.6:
            number = next(iter(coming))
            need = coming.pop(number)
            if tokens.may_take(need):
                tokens.take(str(number), need)
                running[number] = need
            else:
                tokens.wait(One(str(number)), "inline", need)
        elif running:
            number = chance.choice(sorted(running))
            tokens.give_back(str(number))
            del running[number]
            ended.append(number)
        while found := tokens.next(PLACES):
            one, kind, need = found
            tokens.drop(kind, need)
            tokens.take(one.id, need)
            running[int(one.id)] = need
        used = sum(running.values(), Need())
        assert used + tokens.free == capacity
        assert min(tokens.free.cpu, tokens.free.memory, tokens.free.gpu) >= 0
        assert running or not tokens.has_waiting  # nothing waits for nothing

    assert sorted(ended) == list(range(len(needs)))


@given(st.integers(1, 4000))
def test_a_stream_of_small_ones_cannot_keep_a_big_one_waiting(small: int):
    tokens: Tokens[One] = Tokens(Need(cpu=4000))
    running = []
    while tokens.may_take(Need(cpu=small)):
        running.append(f"early {len(running)}")
        tokens.take(running[-1], Need(cpu=small))
    tokens.wait(One("big"), "inline", Need(cpu=4000))

    for number in range(len(running)):
        tokens.give_back(running[number])
        if number < len(running) - 1:
            assert not tokens.may_take(Need(cpu=small))  # each new small one would begin the wait anew

    assert next_id(tokens) == "big"

import types

from zenml.execute import posted_news
from zenml.execute.posted_news import PostedNews
from zenml.records.hooks import HookRun


class Rows:
    """A store with the rows of hooks only."""

    def __init__(self, *posted):
        self.rows = [types.SimpleNamespace(posted=text) for text in posted]
        self.asked = 0
        self.updates = []

    def find(self, kind, query):
        assert kind is HookRun
        self.asked += 1
        return self.rows

    def update(self, kind, identifier, **fields):
        self.updates.append((identifier, fields))


def of_run(store, epoch=0):
    return PostedNews(types.SimpleNamespace(id="run", epoch=epoch), store)


def test_news_of_a_group_is_counted_and_the_same_is_none():
    news = of_run(Rows())

    assert [news.claim("g", one) for one in ("a", "b", "a", "c")] == [1, 2, None, 3]
    assert news.claim("other", "a") == 1


def test_what_could_not_be_posted_is_free_again():
    news = of_run(Rows())
    news.claim("g", "a")

    news.give_back("g", "a")

    assert news.claim("g", "a") == 1


def test_a_resumed_run_knows_what_earlier_owners_posted():
    store = Rows("g/a", "g/b")
    news = of_run(store, epoch=1)

    assert news.claim("g", "a") is None
    assert news.claim("g", "c") == 3
    assert store.asked == 1


def test_a_first_owner_asks_the_store_for_nothing():
    store = Rows("g/a")

    assert of_run(store).claim("g", "a") == 1
    assert store.asked == 0


def test_what_was_posted_is_recorded_with_its_hook():
    store = Rows()

    of_run(store).record("g", "a", "row")

    assert store.updates == [("row", {"posted": "g/a"})]


def test_only_a_failure_that_held_up_has_the_alerter_left_alone(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(posted_news.time, "monotonic", lambda: now[0])
    news = of_run(Rows())

    news.tell_failure(0.1, "refused")
    assert news.problem is None
    news.tell_failure(5.0, "hangs")
    assert news.problem == "hangs"
    now[0] += posted_news.PAUSE
    assert news.problem is None

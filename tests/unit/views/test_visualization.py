"""What an artifact shows, without its value being loaded."""

import os

import msgspec
import pandas as pd
import pytest

from zenml.errors import ArtifactDamagedError
from zenml.flavors.local_artifact_store import LocalArtifactStore
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.materializers.storage import save
from zenml.types import HTMLString
from zenml.views.visualization import preview_of, visualizations_of


class Drawn(BaseMaterializer):
    SKIP_REGISTRATION = True

    def save(self, data):
        self.artifact_store.open("data", "w").close()

    def save_visualizations(self, data):
        with self.artifact_store.open("page.html", "w") as file:
            file.write("<p>1</p>")
        return {os.path.join(self.uri, "page.html"): "html"}


@pytest.fixture
def store(tmp_path):
    return LocalArtifactStore(str(tmp_path / "artifacts"))


def folder_of(store, stored):
    return os.path.join(store.path, stored.key or "")


def test_a_frame_shows_its_first_rows_escaped(store):
    stored = save(pd.DataFrame({"<a>": ["<script>", "\x1b[31m"]}), artifact_store=store, key_hint="a/b")

    (table,) = visualizations_of(stored, folder_of(store, stored))

    assert (table.name, table.type, table.path) == ("table.html", "html", None)
    assert "&lt;script&gt;" in table.load()
    assert "<script>" not in table.load()
    text = preview_of(stored, "")
    assert "\x1b" not in text
    assert "2 rows, 1 columns" in text


def test_a_users_picture_is_found_and_checked(store):
    stored = save(1, artifact_store=store, key_hint="a/b", materializer=Drawn)

    (page,) = visualizations_of(stored, folder_of(store, stored))

    assert page.load() == "<p>1</p>"
    assert page.path.endswith("page.html")
    os.chmod(page.path, 0o600)
    with open(page.path, "w") as file:
        file.write("<p>2</p>")
    with pytest.raises(ArtifactDamagedError):
        page.load()


def test_a_name_that_leads_out_of_the_folder_is_refused(store):
    stored = save(1, artifact_store=store, key_hint="a/b", materializer=Drawn)
    forged = msgspec.structs.replace(stored, metadata={"visualizations": {"../../secret": "html"}})

    with pytest.raises(ArtifactDamagedError):
        visualizations_of(forged, folder_of(store, stored))[0].load()


def test_text_is_its_own_picture(store):
    stored = save(HTMLString("<b>1</b>"), artifact_store=store, key_hint="a/b")
    (page,) = visualizations_of(stored, "")
    assert (page.type, page.load()) == ("html", "<b>1</b>")
    assert preview_of(stored, "") == "<b>1</b>"


def test_nothing_is_made_when_it_is_turned_off(store):
    stored = save(pd.DataFrame({"a": [1]}), artifact_store=store, key_hint="a/b", has_visualizations=False)
    assert visualizations_of(stored, "") == []
    assert "pandas" in preview_of(stored, "")

"""A project's code as an archive: the same bytes everywhere, nothing secret, and back."""

import hashlib
import io
import os
import tarfile

import pytest

from zenml.components import code_archive
from zenml.components.code_archive import find_root, pack, read_tree, unpack
from zenml.errors import ArtifactDamagedError, ConfigurationError


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    write(root, "flow.py", "print('flow')\n")
    write(root, "package/__init__.py", "")
    write(root, "package/steps.py", "x = 1\n")
    return root


def write(root, path, text=""):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def paths(root, **options):
    return [file.path for file in read_tree(str(root), **options).files]


def test_equal_files_are_equal_bytes_whatever_their_times_modes_and_folder(project, tmp_path):
    other = tmp_path / "elsewhere" / "copy"
    for path in ("package/steps.py", "package/__init__.py", "flow.py"):
        file = write(other, path, (project / path).read_text())
        file.chmod(0o600)
        os.utime(file, (5, 5))

    one, two = read_tree(str(project)), read_tree(str(other))

    assert pack(one) == pack(two)
    assert one.digest == two.digest


def test_content_name_and_mode_count(project):
    digests = {read_tree(str(project)).digest}
    write(project, "flow.py", "print('flow!')\n")
    digests.add(read_tree(str(project)).digest)
    (project / "flow.py").chmod(0o755)
    digests.add(read_tree(str(project)).digest)
    (project / "flow.py").rename(project / "flows.py")
    digests.add(read_tree(str(project)).digest)

    assert len(digests) == 4


def test_what_was_packed_comes_back(project, tmp_path):
    script = write(project, "run.sh", "#!/bin/sh\n")
    script.chmod(0o755)
    (project / "link.py").symlink_to("flow.py")
    archive = tmp_path / "code.tar.gz"
    archive.write_bytes(pack(read_tree(str(project))))

    unpack(str(archive), str(tmp_path / "back"), digest=hashlib.sha256(archive.read_bytes()).hexdigest())

    assert read_tree(str(tmp_path / "back")).digest == read_tree(str(project)).digest
    assert os.access(tmp_path / "back" / "run.sh", os.X_OK)
    assert os.readlink(tmp_path / "back" / "link.py") == "flow.py"


@pytest.mark.parametrize(
    "path",
    [
        *(".env", "sub/.env", ".env.production", "key.pem", ".ssh/id_rsa", ".aws/credentials", "sub/.netrc"),
        "sub/secrets.key",
    ],
)
def test_what_may_be_secret_is_left_out_and_said(project, path):
    write(project, path, "password")
    write(project, ".dockerignore", "!**\n")

    tree = read_tree(str(project))

    assert path not in [file.path for file in tree.files]
    assert tree.secret == (path,)


def test_what_is_worth_nothing_is_left_out(project):
    for path in (".git/config", "package/__pycache__/a.pyc", ".venv/bin/python", "a.egg-info/PKG-INFO"):
        write(project, path)

    assert paths(project) == ["flow.py", "package/__init__.py", "package/steps.py"]


def test_stores_are_left_out_whatever_they_are_called(project):
    for name in ("store.db", "store.key", "artifacts/x"):
        write(project, f"records/{name}")
    write(project, "own/secret.txt")

    assert "records/store.db" not in paths(project)
    assert "own/secret.txt" not in paths(project, without=(str(project / "own"),))
    assert "own/secret.txt" in paths(project)


def test_a_file_of_patterns_says_what_stays_here(project):
    write(project, ".dockerignore", "package\n!package/steps.py\n")
    write(project, "other.ignore", "*.py\n")

    assert paths(project) == [".dockerignore", "flow.py", "other.ignore", "package/steps.py"]
    assert "flow.py" not in paths(project, dockerignore="other.ignore")


def test_a_file_of_patterns_that_is_not_there_is_refused(project):
    with pytest.raises(ConfigurationError, match=r"`dockerignore` of DockerSettings names `.*/nowhere`"):
        read_tree(str(project), dockerignore="nowhere")


def test_links_that_lead_out_of_the_project_are_left_out(project, tmp_path):
    outside = write(tmp_path, "outside.txt", "private")
    (project / "relative").symlink_to("../outside.txt")
    (project / "absolute").symlink_to(outside)

    assert not {"relative", "absolute"} & set(paths(project))


def test_data_that_was_forgotten_is_refused(project, monkeypatch):
    monkeypatch.setattr(code_archive, "MOST_BYTES", 1 << 20)
    with open(project / "big.bin", "wb") as file:
        file.truncate((1 << 20) + 1)

    with pytest.raises(ConfigurationError, match=r"more than 1 MiB of files, up to `big\.bin`"):
        read_tree(str(project))


def test_the_root_is_the_nearest_folder_that_looks_like_a_project(project):
    assert find_root(str(project / "package" / "steps.py")) == str(
        project
    )  # the folder of the outermost package

    write(project.parent, "pyproject.toml")

    assert find_root(str(project / "package" / "steps.py")) == str(project.parent)


def test_an_archive_with_another_digest_is_refused(project, tmp_path):
    archive = tmp_path / "code.tar.gz"
    archive.write_bytes(pack(read_tree(str(project))))

    with pytest.raises(ArtifactDamagedError, match="its digest is another one"):
        unpack(str(archive), str(tmp_path / "back"), digest="0" * 64)


@pytest.mark.parametrize("name", ["../evil", "/evil"])
def test_an_archive_that_leads_out_of_its_folder_is_refused(tmp_path, name):
    archive = tmp_path / "code.tar.gz"
    with tarfile.open(archive, "w:gz") as opened:
        member = tarfile.TarInfo("link")
        member.type, member.linkname = tarfile.SYMTYPE, name
        opened.addfile(member)
        member = tarfile.TarInfo(name)
        member.size = 1
        opened.addfile(member, io.BytesIO(b"x"))

    with pytest.raises(ArtifactDamagedError, match="cannot be unpacked"):
        unpack(str(archive), str(tmp_path / "a" / "back"))

    assert not (tmp_path / "a" / "evil").exists()


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08\x00cut off"])
def test_what_is_no_archive_is_refused(tmp_path, content):
    archive = tmp_path / "code.tar.gz"
    archive.write_bytes(content)

    with pytest.raises(ArtifactDamagedError, match="cannot be unpacked"):
        unpack(str(archive), str(tmp_path / "back"))

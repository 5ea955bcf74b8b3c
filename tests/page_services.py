"""What the services that pages name stand for where their examples are executed.

A page shows addresses as users have them; a test puts servers of its own into their place.
"""

import contextlib
import importlib.util
import os

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), ".."))
DOCS = os.path.join(ROOT, "docs")


def load(name):
    """Import a module of the folder `docs`, which is no package."""
    spec = importlib.util.spec_from_file_location(name, os.path.join(DOCS, f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


run_pages = load("run_pages")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def check_page(path, folder, request):
    """Execute the examples of a page, and compare what they print with what it shows; with WRITE_PAGES=1 write it."""
    text = read(path)
    work = folder / "work"
    work.mkdir()
    environment = run_pages.environment_for(str(folder))
    with contextlib.ExitStack() as servers:
        stands_for, variables = _services(text, request, servers, folder)
        done = run_pages.run_page(text, str(work), {**environment, **variables}, stands_for)
    if os.environ.get("WRITE_PAGES") and done != text:
        with open(path, "w", encoding="utf-8") as file:
            file.write(done)
        return
    assert done == text, f"if this is meant: WRITE_PAGES=1, and this test again; then read {path}"


def _services(text, request, servers, folder):
    """Return by words of a page what they stand for, and variables of the environment."""
    stands_for, variables = {}, {}
    if "db.example.org" in text:  # the host of the pages is the server of the tests
        variables |= request.getfixturevalue("postgresql_server").stands_in_for_the_host_of_pages()
    if "https://s3.example.com" in text:
        moto = request.getfixturevalue("moto")
        stands_for["https://s3.example.com"] = moto.url
        stands_for["s3://models/"] = f"s3://{moto.new_bucket()}/"
    if "--flavor venv" in text:  # packages come from a folder
        packages = request.getfixturevalue("venv_packages")
        variables |= {"UV_FIND_LINKS": str(packages), "UV_NO_INDEX": "1", "UV_OFFLINE": "1"}
    if "pip install --quiet -e file-alerter" in text:  # into a folder, and not into what runs the tests
        site = str(folder / "site")
        stands_for["pip install --quiet -e file-alerter"] = (
            "python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index"
            f" --target {site} ./file-alerter"
        )
        variables["PYTHONPATH"] = site
    if "https://slack.com/api/" in text:
        stands_for["https://slack.com/api/"] = f"{servers.enter_context(_slack()).url}/api/"
    if "https://mlflow.example.com" in text:
        from mlflow_service import QUIET

        stands_for["https://mlflow.example.com"] = request.getfixturevalue("mlflow_server").address
        variables |= QUIET
    if "--flavor wandb" in text:
        variables |= {"WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false"}
    if "AccountName=mycompany" in text:
        azurite = request.getfixturevalue("azurite")
        shown = "DefaultEndpointsProtocol=https;AccountName=mycompany;AccountKey=c2VjcmV0"
        stands_for[shown] = azurite.connection_string
        stands_for["az://models/"] = f"az://{azurite.new_container()}/"
    return stands_for, variables


@contextlib.contextmanager
def _slack():
    """A fake of Slack in which somebody says yes; it must have been told something."""
    from slack_fake import SlackFake

    with SlackFake() as fake:
        fake.replies = [{"ts": "1700000000.9", "user": "U1", "text": "yes"}]
        yield fake
        assert fake.messages

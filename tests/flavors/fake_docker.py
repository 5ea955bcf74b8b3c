"""A fake of the program `docker`: no engine, no layers, but its arguments, exit statuses and words.

It is what tests use where no engine can run. It writes each command line down, checks that a Dockerfile copies
only what the context holds, and keeps the names of what was "built". Its messages are those of Docker 28.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

HOME = Path(os.environ["FAKE_DOCKER_HOME"])
VALUES = {"--tag", "--file", "--platform", "--label", "--build-arg", "--target", "--network", "--format"}
NO_ENGINE = (
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
)


def main(words):
    HOME.mkdir(exist_ok=True)
    with open(HOME / "commands", "a", encoding="utf-8") as file:
        file.write(json.dumps(words) + "\n")
    if os.environ.get("FAKE_DOCKER_ENGINE") == "none":
        return fail(NO_ENGINE)
    if os.environ.get("FAKE_DOCKER_ENGINE") == "hangs":
        os.read(os.open(os.environ["FAKE_DOCKER_FIFO"], os.O_RDONLY), 1)
    if words[:1] == ["buildx"]:
        words = words[1:]
    if words[0] == "build":
        return build(*parse(words[1:]))
    if words[:2] == ["image", "inspect"]:
        return inspect(*parse(words[2:]))
    if words[0] == "push":
        return push(words[1])
    return fail(f"docker: unknown command: docker {words[0]}")


def parse(words):
    options, rest = {}, []
    words = iter(words)
    for word in words:
        if word in VALUES:
            options.setdefault(word, []).append(next(words))
        elif word.startswith("--"):
            options.setdefault(word, []).append("")
        else:
            rest.append(word)
    return options, rest


def build(options, rest):
    (context,) = rest
    dockerfile = Path(options["--file"][0])
    print(f"Sending build context {context}", flush=True)
    for line in dockerfile.read_text().splitlines():
        if line.startswith("COPY"):
            *sources, _ = line.split()[1:]
            for source in sources:
                if not (Path(context) / source).exists():
                    return fail(
                        f"COPY failed: file not found in build context: stat {source}: does not exist"
                    )
    images = read()
    images[options["--tag"][0]] = hashlib.sha256(dockerfile.read_bytes()).hexdigest()
    write(images)
    return 0


def inspect(options, rest):
    images = read()
    (tag,) = rest
    if tag not in images:
        print("[]")
        return fail(f"Error response from daemon: No such image: {tag}")
    repository = tag.rpartition(":")[0]
    if "RepoDigests" in options["--format"][0]:
        print(json.dumps([f"other@sha256:{'0' * 64}", f"{repository}@sha256:{images[tag]}"]))
    else:
        print(f"sha256:{images[tag]}")
    return 0


def push(tag):
    if tag not in read():
        return fail(f"An image does not exist locally with the tag: {tag}")
    print("latest: digest: sha256:… size: 527")
    return 0


def read():
    path = HOME / "images"
    return json.loads(path.read_text()) if path.exists() else {}


def write(images):
    (HOME / "images").write_text(json.dumps(images))


def fail(words):
    print(words, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

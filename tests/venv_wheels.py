"""Wheels without a network: tiny ones that a test makes up, and what is installed, packed again."""

import base64
import hashlib
import zipfile
from importlib.metadata import distribution
from pathlib import Path

CORE_AND_BELOW = (
    *("click", "cloudpickle", "cronsim", "cryptography", "msgspec", "pyyaml", "rich", "typing_extensions"),
    *("cffi", "pycparser", "markdown-it-py", "mdurl", "pygments"),
)


def make_wheel(folder, name, version, source, requires=()):
    """Write the wheel of a package of one module."""
    about = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
    files = {
        f"{name}.py": source,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},{_digest(text.encode())},{len(text)}\n" for path, text in files.items())
    path = Path(folder) / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for inside, text in {**files, f"{about}/RECORD": record + f"{about}/RECORD,,\n"}.items():
            wheel.writestr(inside, text)
    return path


def pack_installed(folder, names=CORE_AND_BELOW):
    """Write the wheels of packages that are installed here, from their files."""
    for name in names:
        found = distribution(name)
        files = [one for one in found.files if ".." not in one.parts and one.suffix != ".pyc"]
        about = next(one.parent for one in files if one.name == "METADATA")
        tags = [line[5:] for line in found.read_text("WHEEL").splitlines() if line.startswith("Tag: ")]
        pythons, abis, platforms = ({part[n] for part in (tag.split("-") for tag in tags)} for n in range(3))
        tag = "-".join(".".join(sorted(one)) for one in (pythons, abis, platforms))
        stem = about.name.removesuffix(".dist-info")
        lines = []
        with zipfile.ZipFile(Path(folder) / f"{stem}-{tag}.whl", "w") as wheel:
            for one in files:
                if one.name in {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}:
                    continue
                data = one.locate().read_bytes()
                wheel.writestr(one.as_posix(), data)
                lines.append(f"{one.as_posix()},{_digest(data)},{len(data)}\n")
            wheel.writestr(f"{about}/RECORD", "".join(lines) + f"{about}/RECORD,,\n")


def _digest(data):
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()

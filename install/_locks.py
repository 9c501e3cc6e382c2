"""The lock files: which there are, what each is made from, and how they are made again.

Rules: standard library only; the inputs are setup.cfg, pyproject.toml and examples/annotator/requirements.in and no
others; a lock names no registry and no path of the machine that made it.
"""

from __future__ import annotations

import configparser
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = "uv==0.13.9"
FLAGS = ("--generate-hashes", "--no-emit-index-url", "--no-annotate", "--python-version=3.11", "--allow-unsafe")


@dataclass(frozen=True)
class Lock:
    """One lock file: the extras of setup.cfg it covers ("" is the base), and further files of requirements."""

    path: Path
    extras: tuple[str, ...]
    files: tuple[Path, ...] = ()


HOME = Lock(ROOT / "install/requirements.txt", ("", "home", "corporate"))
TEST = Lock(ROOT / "install/requirements-test.txt", ("", "home", "corporate", "test"))
BENCHMARK = Lock(ROOT / "install/requirements-benchmark.txt", ("", "home", "corporate", "test", "benchmark"))
ANNOTATOR = Lock(ROOT / "install/requirements-annotator.txt", ("",), (ROOT / "examples/annotator/requirements.in",))
LOCKS = (HOME, TEST, BENCHMARK, ANNOTATOR)


def wanted(lock: Lock) -> list[str]:
    """Return the requirements that a lock has to cover, the build system among them, sorted and without repeats."""
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    lists = [
        setup["options"]["install_requires"] if extra == "" else setup["options.extras_require"][extra]
        for extra in lock.extras
    ]
    lists += [path.read_text(encoding="utf-8") for path in lock.files]
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    lines = [line.split("#")[0].strip() for text in lists for line in text.splitlines()]
    return sorted({*filter(None, lines), *build})


def compile_all() -> None:
    """Write every lock again with uv, which is installed into an environment of its own.

    What is locked already stays as it is while setup.cfg still allows it, so that one more requirement is a small diff;
    `install/lock --upgrade` takes the newest of everything.
    """
    uv = _uv()
    for lock in LOCKS:
        print(f"locking {lock.path.relative_to(ROOT)}", flush=True)
        upgrade = ["--upgrade"] if "--upgrade" in sys.argv[1:] else []
        subprocess.run(
            [
                uv,
                "pip",
                "compile",
                "--quiet",
                *FLAGS,
                *upgrade,
                "--custom-compile-command=install/lock",
                f"--output-file={lock.path}",
                "-",
            ],
            input="\n".join(wanted(lock)),
            text=True,
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=ROOT,
        )


def _uv() -> Path:
    folder = ROOT / ".venv-lock"
    if not (folder / "bin/uv").exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin/pip", "install", "--quiet", UV], check=True)
    return folder / "bin/uv"

"""`python -m diffgram_home.proving SETTINGS [--json]`: what `diffgram-home prove` becomes. See the package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from diffgram_home.cli.base import say
from diffgram_home.cli.exits import Exit

PROGRAMS = {"unshare": "util-linux", "ip": "iproute2", "mount": "mount"}
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def main(config: str, *options: str) -> int:
    """Run the proof in a namespace; its exit code, or NO_NAMESPACE."""
    os.environ["PATH"] = f"{os.environ.get('PATH', '')}:{_PATH}"
    missing = [f"{name} (package {package})" for name, package in PROGRAMS.items() if shutil.which(name) is None]
    if missing:
        say(f"nothing was proved: this machine lacks {', '.join(missing)}", "to do: install it, and run this again")
        return Exit.NO_NAMESPACE
    flags = namespace_flags(os.geteuid())
    tried = subprocess.run(["unshare", *flags, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        say(
            "nothing was proved: the kernel does not allow a network namespace here",
            *tried.stderr.strip().splitlines()[:2],
            "to do: run it as root; or allow user namespaces: `sysctl user.max_net_namespaces` above 0 and, where your",
            "distribution has it, `sysctl kernel.unprivileged_userns_clone=1`; a container needs CAP_SYS_ADMIN",
        )
        return Exit.NO_NAMESPACE
    folder = Path(tempfile.mkdtemp(prefix="diffgram-home-prove-"))
    try:
        inside = [sys.executable, "-m", "diffgram_home.proving.inside", config, str(folder), *options]
        return subprocess.run(["unshare", *flags, *inside], check=False).returncode
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def namespace_flags(user: int) -> list[str]:
    """What `unshare` is told: network and mounts of its own, and for anybody but root a user namespace around them."""
    return ["--net", "--mount"] if user == 0 else ["--user", "--map-root-user", "--net", "--mount"]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

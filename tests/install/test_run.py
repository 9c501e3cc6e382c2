"""`install/run` in a fresh copy of the tree: the first run, the second, and the ways it ends."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import time
from pathlib import Path

from tests.install.places import DEBIAN_PYTHON, NEEDS_ROOT, copy_tree, free_ports, processes_with, until
from tests.install.running import FIRST_RUN_S, SECOND_RUN_S, Clone, Run


def test_without_a_terminal_the_passwords_lie_in_files_for_the_owner_only(clone: Clone) -> None:
    for whose in ("home", "corporate"):
        file = clone.folder / f"data/{whose}-password"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert len(file.read_text().strip()) >= 16


def test_ctrl_c_left_no_process(clone: Clone) -> None:
    assert processes_with(str(clone.folder)) == []


def test_a_second_run_is_quick_keeps_the_data_and_shows_each_password_once(clone: Clone) -> None:
    passwords = [(clone.folder / f"data/{whose}-password").read_text().strip() for whose in ("home", "corporate")]
    keys = {p: p.read_bytes() for p in (clone.folder / "data").rglob("keys/*.pem")}
    with Run(clone, terminal=True) as second:
        shown = second.read_terminal()
        took = time.monotonic() - second.began
        assert second.stop() == 0
    assert took < SECOND_RUN_S
    assert "installing into" not in shown
    assert all(shown.count(password) == 1 for password in passwords)
    assert list((clone.folder / "data").glob("*-password")) == []
    assert len(keys) >= 4
    assert all(path.read_bytes() == data for path, data in keys.items())


def test_sigterm_stops_everything(clone: Clone) -> None:
    with Run(clone) as run:
        run.wait_until_ready(SECOND_RUN_S)
        said = run.said()
        assert "with the password of the first start; for a new one: " in said
        assert "account password administrator" in said
        assert run.stop(signal.SIGTERM) == 0
    assert processes_with(str(clone.folder)) == []


def test_a_run_that_is_killed_leaves_no_process_and_the_next_one_works(clone: Clone) -> None:
    with Run(clone) as run:
        run.wait_until_ready(SECOND_RUN_S)
        assert len(processes_with(str(clone.folder))) > 3
        run.stop(signal.SIGKILL)
    until(lambda: processes_with(str(clone.folder)) == [], 40, "the end of everything")
    with Run(clone) as again:
        again.wait_until_ready(SECOND_RUN_S)


def test_a_program_that_is_killed_takes_the_others_with_it_and_is_named(clone: Clone) -> None:
    with Run(clone) as run:
        run.wait_until_ready(SECOND_RUN_S)
        gunicorn = [pid for pid in processes_with(f"--bind=127.0.0.1:{clone.ports[3]}") if pid != run.process.pid]
        os.kill(min(gunicorn), signal.SIGKILL)
        assert run.process.wait(40) == 1
        assert "annotator ended by itself (exit status -9)" in run.said()
    assert processes_with(str(clone.folder)) == []


def test_a_busy_port_names_its_holder_and_starts_nothing(clone: Clone) -> None:
    command = [DEBIAN_PYTHON, "-m", "http.server", "--bind", "127.0.0.1", str(clone.ports[1])]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as holder:
        try:
            until(lambda: bool(_listening(clone.ports[1])), 10, "the start of the holder")
            with Run(clone) as run:
                assert run.process.wait(10) == 1
                assert f"port {clone.ports[1]} (for pages of corporate) is held by" in run.said()
                assert f"process {holder.pid} of user" in run.said()
                assert "nothing was started" in run.said()
            assert processes_with(str(clone.folder)) == []
        finally:
            holder.kill()


def test_a_second_run_beside_the_first_is_refused_with_its_process(clone: Clone) -> None:
    with Run(clone) as first:
        first.wait_until_ready(SECOND_RUN_S)
        with Run(Clone(clone.folder, tuple(free_ports(4)))) as other:
            assert other.process.wait(20) == 1
            assert f"is in use by another install/run (process {first.process.pid})" in other.said()
        assert first.stop() == 0


def test_a_data_folder_and_ports_of_ones_own_choice_can_be_changed_later(clone: Clone) -> None:
    for _ in range(2):
        elsewhere = Clone(clone.folder, tuple(free_ports(4)))
        with Run(elsewhere, f"--data={clone.folder.parent / 'elsewhere'}") as run:
            run.wait_until_ready(2 * SECOND_RUN_S)
            assert elsewhere.answers() == [200, 200, 200]


def test_the_annotators_environment_holds_the_base_install_only(clone: Clone) -> None:
    pip = [str(clone.folder / ".venv-annotator/bin/python"), "-m", "pip", "list", "--format=freeze"]
    names = {line.split("==")[0].lower() for line in subprocess.check_output(pip, text=True).splitlines()}
    assert {"diffgram-home", "flask", "sqlalchemy", "gunicorn", "msgspec", "cryptography"} <= names
    assert names.isdisjoint({"alembic", "apscheduler", "marshmallow", "urllib3", "psycopg", "pytest"})


def test_a_plain_user_can_run_it_in_a_clone_of_their_own(folder: Path) -> None:
    assert os.geteuid() == 0, NEEDS_ROOT
    mine = folder / "of-nobody"
    copy_tree(mine / "clone")
    subprocess.run(["chown", "-R", "nobody", str(mine)], check=True)
    with Run(Clone(mine / "clone", tuple(free_ports(4)), user="nobody")) as run:
        run.wait_until_ready(FIRST_RUN_S)
        answers = run.clone.answers()
        assert run.stop() == 0
    assert answers == [200, 200, 200]
    assert processes_with(str(mine)) == []
    assert (mine / "clone/data/home-password").owner() == "nobody"


def _listening(port: int) -> str:
    return subprocess.run(["ss", "-ltnH", f"sport = :{port}"], capture_output=True, text=True, check=True).stdout


def _is_ready(clone: Clone) -> dict[str, bool]:
    program = (
        f"import sys; sys.path.insert(0, {str(clone.folder / 'install')!r}); import _run; "
        "print(_run.HOME_ENVIRONMENT.is_ready(), _run.PRODUCT_ENVIRONMENT.is_ready())"
    )
    said = subprocess.check_output([DEBIAN_PYTHON, "-B", "-c", program], text=True).split()
    return dict(zip(("home", "annotator"), (word == "True" for word in said), strict=True))


def test_an_environment_is_made_again_when_what_it_is_made_of_changes(clone: Clone) -> None:
    assert _is_ready(clone) == {"home": True, "annotator": True}
    for name, stale in (
        ("audit/canonical.py", {"home": True, "annotator": False}),  # linked there, copied here
        ("install/requirements.txt", {"home": False, "annotator": True}),
        ("install/requirements-annotator.txt", {"home": True, "annotator": False}),
        ("setup.cfg", {"home": False, "annotator": False}),
    ):
        path = clone.folder / name
        before = path.read_bytes()
        path.write_bytes(before + b"\n")
        assert _is_ready(clone) == stale, name
        path.write_bytes(before)
    stamp = clone.folder / ".venv/made-from.sha256"
    kept = stamp.read_bytes()
    stamp.unlink()  # as after a set-up that was cut off
    assert _is_ready(clone) == {"home": False, "annotator": True}
    stamp.write_bytes(kept)

"""`diffgram-home browser tag`: what a page needs, with hashes that are those of the files."""

from diffgram_home.browser import scripts
from diffgram_home.cli.exits import Exit
from tests.cli.conftest import Shell


def test_without_a_project_it_says_what_to_write(shell: Shell) -> None:
    done = shell("browser", "tag")
    assert done.returncode == Exit.SETTINGS
    assert "[browser] projects" in done.stderr


def test_the_tags_name_hash_nonce_and_where_to_tell(shell: Shell) -> None:
    config = shell.folder / "diffgram-home.toml"
    config.write_text(config.read_text() + '\n[browser]\nprojects = ["shop"]\n')
    far = "https://home.example"
    for options, source, to in (
        ((), f"/browser/home.js?v={scripts.version('home.js')}", "/browser/shop/"),
        (("--own",), "/home.js", "/browser/shop/"),
        (("--from", f"{far}/"), f"{far}/browser/home.js", f"{far}/browser/shop/"),
    ):
        first, second = shell.json("browser", "tag", *options)["tags"]
        assert f'src="{source}' in first
        assert f'data-to="{to}"' in first
        assert f'integrity="{scripts.integrity("home.js")}"' in first
        assert ("crossorigin" in first) is ("--from" in options)
        assert 'nonce="NONCE"' in first
        assert f'integrity="{scripts.integrity("extras.js")}"' in second
        assert "data-to" not in second
    shown = shell.ok("browser", "tag", "--from", "https://home.example")
    assert "connect-src https://home.example; require-trusted-types-for 'script'" in shown

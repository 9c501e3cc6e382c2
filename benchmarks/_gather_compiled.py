"""Reads what compiled modules say when they raise: `python -m benchmarks._gather_compiled FILE[=NAME] …`.

For the makers of event/known only. Prints, as groups of a catalogue file, every message that a call of PyErr_SetString
or PyErr_Format in the machine code hands over, by exception type; left out are those of one word, and what only a fault
of the interpreter itself can say. Needs objdump and x86-64; nothing of the files is run. A FILE can be followed by
`=NAME`, the types that the module makes itself, parted by commas. `python.toml` is what it prints for CPython's files.
"""

import argparse
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks._gathered import groups
from event.known.notation import has_words, parts

_CALL = re.compile(r"(?:call|jmp)\s.*<(_?PyErr_(?:SetString|Format|FormatFromCause))(?:@plt|@@Base)?>")
_LOAD = re.compile(r"(?:lea|mov)\s+(\w+),(?:QWORD PTR )?\[rip\+0x[0-9a-f]+\]\s+# ([0-9a-f]+)")
_FOLLOW = re.compile(r"mov\s+(\w+),(?:QWORD PTR )?\[?(\w+)\]?$")
_HOLE = re.compile(r"%(?:%|[-+ #0]*\d*(?:\.(\d+))?(?:ll|l|z|j|t)?([a-zA-Z]))")
_BACK = 30
_INTERNAL = frozenset({"SystemError", "MemoryError", "RuntimeWarning", "ReferenceError"})
_INTERNALS = ('field "', "sys.", "interpreter", "__slotsname__", "tp_", "AST ", "lost ", "internal")
_END = re.compile(r"^(?:ret|jmp|ud2)\b")


class Binary:
    """One shared object: instructions, the symbols behind its addresses, and its constant texts."""

    def __init__(self, path: Path) -> None:
        self._data = path.read_bytes()
        self._sections = [_section(line) for line in _run("readelf", "-SW", str(path)) if ".rodata" in line]
        self._symbols = {
            int(line.split()[0], 16): line.split()[4]
            for line in _run("readelf", "-rW", str(path))
            if "R_X86_64_GLOB_DAT" in line
        }
        lines = _run("objdump", "-d", "--no-show-raw-insn", "-M", "intel", str(path))
        self.instructions = [line.partition(":\t")[2].strip() for line in lines]

    def text(self, address: int) -> str | None:
        """Return the constant text at an address."""
        for start, offset, size in self._sections:
            if start <= address < start + size:
                at = offset + address - start
                data = self._data[at : self._data.index(b"\0", at)]
                return data.decode("ascii") if data.isascii() else None
        return None

    def symbol(self, address: int) -> str | None:
        """Return the exception that the pointer at an address names, such as `ValueError`."""
        name = self._symbols.get(address, "")
        return name.partition("@")[0].removeprefix("PyExc_") if name.startswith("PyExc_") else None

    def loaded(self, at: int, register: str) -> int | None:
        """Return the address that a register was last loaded from or with, before an instruction."""
        for position in range(at - 1, max(at - _BACK, 0), -1):
            line = self.instructions[position]
            if not line or _END.match(line):
                return None
            if (load := _LOAD.match(line)) and load[1] == register:
                return int(load[2], 16)
            if (follow := _FOLLOW.match(line)) and follow[1] == register:
                register = follow[2]
        return None


def _run(*command: str) -> list[str]:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def _section(line: str) -> tuple[int, int, int]:
    fields = line.split("]", 1)[1].split()
    return int(fields[2], 16), int(fields[3], 16), int(fields[4], 16)


def messages(path: Path, error: str) -> Iterator[tuple[str, str]]:
    """Yield exception type and format of every call; types that the module makes are `error`, if that is given."""
    binary = Binary(path)
    for at, line in enumerate(binary.instructions):
        called = _CALL.match(line)
        if called is None:
            continue
        first, second = ("rsi", "rdx") if called[1].startswith("_") else ("rdi", "rsi")
        where, kind = binary.loaded(at, second), binary.loaded(at, first)
        text = binary.text(where) if where is not None else None
        name = (binary.symbol(kind) if kind is not None else None) or error
        if text and name:
            yield name, text


def notation(text: str, kind: str) -> str:
    """Return a C format as a catalogue writes it; what TypeError and AttributeError call by a short text is a type."""

    def hole(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        return "{type}" if found[1] and found[2] == "s" and kind in ("TypeError", "AttributeError") else "{}"

    return _HOLE.sub(hole, text.replace("{", "{{").replace("}", "}}"))


def wanted(kind: str, text: str) -> bool:
    """Say whether a product can meet a message, in one line, with words enough."""
    if kind in _INTERNAL or "\n" in text or any(word in text for word in _INTERNALS):
        return False
    return has_words(part for part in parts(text) if isinstance(part, str))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the groups; returns 0."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks._gather_compiled", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("files", nargs="+", metavar="FILE[=NAME]", help="shared objects, and the types they make")
    given = parser.parse_args(arguments)
    found: dict[str, set[str]] = defaultdict(set)
    for file in given.files:
        path, _, error = file.partition("=")
        for kind, text in messages(Path(path), error):
            if wanted(kind, said := notation(text, kind)):
                found[kind].add(said)
    print(groups(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())

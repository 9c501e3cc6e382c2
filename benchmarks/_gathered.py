"""Messages as groups of a catalogue file."""

import json
from collections.abc import Collection, Mapping


def groups(found: Mapping[str, Collection[str]]) -> str:
    """Return the text of the groups; the types of a key are parted by commas."""
    return "\n".join(
        "\n".join(
            [
                "[[group]]",
                f"types = [{', '.join(map(json.dumps, kinds.split(',')))}]",
                "messages = [",
                *(f"    {json.dumps(text)}," for text in sorted(texts)),
                "]",
                "",
            ]
        )
        for kinds, texts in sorted(found.items())
    )

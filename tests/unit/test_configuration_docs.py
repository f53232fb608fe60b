"""docs/configuration.md lists every key that the engine's table has, as the table has it.

After a change of the table: ``python tests/unit/test_configuration_docs.py`` writes the page anew.
"""

from __future__ import annotations

import re
from pathlib import Path

from aerospike_np._engine import policy_table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
GROUPS = {
    "read": "read",
    "write": "write",
    "operate": "operate",
    "remove": "remove",
    "batch": "batch read",
    "batch_write": "batch write",
    "batch_remove": "batch remove",
    "apply": "apply",
    "batch_apply": "batch apply",
    "info": "info",
}
DATA = list(GROUPS)[:-1]
STORES = ["write", "operate", "batch_write"]
WRITES = ["write", "operate", "remove", "batch_write", "batch_remove"]
APPLIES = ["apply", "batch_apply"]
BY_MEANING = [
    (["read", "batch"], "reads"),
    (["read", "operate", "batch"], "reads, operate"),
    (WRITES, "writes"),
    ([*WRITES, *APPLIES], "writes, functions"),
    (["batch", "batch_write", "batch_remove", "batch_apply"], "batches"),
    (STORES, "writes that store"),
    ([*STORES, *APPLIES], "writes that store, functions"),
]
LARGEST = 2147483647


def values(kind: str, low: int, high: int) -> str:
    if kind == "int" or kind == "percent":
        return (
            f"{low} or more" if high == LARGEST else str(low) if low == high else f"{low} to {high}"
        )
    if kind == "list":
        return f"list of {low} to {high} integers"
    return {
        "bool": "bool",
        "str": f"str, at most {high} bytes",
        "ttl": "integer",
        "expression": "expression",
        "any": "any",
    }[kind]


def commands(groups: list[str]) -> str:
    names = [group for group in groups if group != "config"]
    for members, meaning in BY_MEANING:
        if names == members:
            return meaning
    if names[: len(DATA)] == DATA:
        return ", ".join(["all", *(GROUPS[name] for name in names[len(DATA) :])])
    return ", ".join(GROUPS[name] for name in names)


def tables() -> dict[str, str]:
    """The tables of the page, by marker: three for policies, three for the configuration."""
    made: dict[str, str] = {}
    for scope in ("policy", "config"):
        for effect in ("effective", "no effect", "refused"):
            what = {"effective": "what", "no effect": "why", "refused": "why"}[effect]
            head = ["key", "values", "for", what] if scope == "policy" else ["key", "values", what]
            if effect == "refused":
                head.remove("values")
            lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
            for name, kind, low, high, groups, its_effect, note in policy_table():
                of_scope = groups != ["config"] if scope == "policy" else "config" in groups
                if its_effect != effect or not of_scope:
                    continue
                cells = [f"`{name}`"]
                if effect != "refused":
                    cells.append(values(kind, low, high))
                if scope == "policy":
                    cells.append(commands(groups))
                lines.append(f"| {' | '.join([*cells, note])} |")
            made[f"{scope}: {effect}"] = "\n".join(lines)
    return made


def filled(page: str) -> str:
    for marker, table in tables().items():
        page, found = re.subn(
            rf"(<!-- {marker} -->\n).*?(\n<!-- end -->)",
            lambda place, table=table: place[1] + table + place[2],
            page,
            flags=re.S,
        )
        assert found == 1, f"docs/configuration.md has {found} places for {marker!r}"
    return page


def test_page_lists_every_key_as_the_engine_has_it() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert filled(page) == page, "write it anew: python tests/unit/test_configuration_docs.py"


def test_every_key_that_config_or_policy_may_have_is_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    missing = {row[0] for row in policy_table() if f"`{row[0]}`" not in page}
    assert not missing


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

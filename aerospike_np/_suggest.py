"""Texts for policy and configuration keys: the nearest known name, and what has no effect."""

from __future__ import annotations

import difflib
import logging

_logger = logging.getLogger("aerospike_np")
_logged: set[str] = set()


def unknown_key(key: str, names: list[str], where: str) -> str:
    """The sentence for a key that nobody knows."""
    near = difflib.get_close_matches(key.lower(), names, n=1, cutoff=0.6)
    if near:
        return f"{where}: unknown key {key!r}; did you mean {near[0]!r}?"
    return f"{where}: unknown key {key!r}; known are {', '.join(sorted(set(names)))}"


def no_effect(name: str, note: str) -> None:
    """Logs once a key that is accepted and changes nothing here."""
    if name not in _logged:
        _logged.add(name)
        _logger.info("%s is accepted and has no effect: %s", name, note)

"""RESULTS.md and its plots, from what lies in results/.

.venv-bench/bin/python benchmarks/page.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import facts
from harness import EXTRA, RESULTS, Bound, number

PAGE = RESULTS.parent / "RESULTS.md"
PLOTS = RESULTS.parent / "plots"
HEAD = """# Results

Made by `make bench`; what each question measures stands in its script, and how in [README.md](README.md). CPU is
user + sys of the client's process alone, in microseconds a record (of single records: a call; of decoding: a cell).
GB/s are of replies. Peak is what one call adds to the memory of the process, result and all. Ratios are medians of
turns that were made at about the same time; other figures compare only within a table.
"""
SAYS = {True: "holds", False: "**does not hold**", None: ""}


def cell(value: Any, pattern: str) -> str:
    return "" if value is None else format(value, pattern)


def table(group: dict[str, Any]) -> list[str]:
    """The figures of a group."""
    cells = group["cells"]
    extra = [key for key in EXTRA if any(key in one for one in cells.values())]
    lines = [
        f"| {group['group']} | CPU, us | records/s | GB/s | peak, MiB |"
        + "".join(f" {key} |" for key in extra),
        "|---|--:|--:|--:|--:|" + "--:|" * len(extra),
    ]
    for name, one in cells.items():
        peak = None if "peak" not in one else one["peak"] / 2**20
        lines.append(
            f"| {name} | {one['cpu_us']:.4g} | {one['records_s']:,.0f} | {cell(one['gb_s'] or None, '.3f')} "
            f"| {cell(peak, '.1f')} |"
            + "".join(f" {cell(one.get(key), ',.4g')} |" for key in extra)
        )
    lines += [
        f"| {name} | left out: {why} | | | |" + " |" * len(extra)
        for name, why in group["left_out"].items()
    ]
    return [*lines, ""]


def bounds(made: list[dict[str, Any]]) -> list[str]:
    lines = ["| | is | must | aim | |", "|---|--:|--:|--:|---|"]
    for one in made:
        bound = Bound(**{key: value for key, value in one.items() if key != "holds"})
        limits = " | ".join(bound.limits)
        says = "left out" if bound.value is None else SAYS[bound.holds]
        lines.append(f"| {bound.what} | {number(bound.value, bound.unit)} | {limits} | {says} |")
    return [*lines, ""]


def plot(name: str, result: dict[str, Any]) -> Path | None:
    """CPU a record: bars of each group's cells, on a logarithmic axis. None where matplotlib is not here."""
    try:
        import matplotlib
    except ImportError:
        return None
    matplotlib.use("agg")
    from matplotlib import pyplot

    groups = [group for group in result["groups"] if group["cells"]]
    names = list(dict.fromkeys(name for group in groups for name in group["cells"]))
    bars = sum(len(group["cells"]) + 1 for group in groups)
    figure, axes = pyplot.subplots(figsize=(8, 0.6 + 0.22 * bars), layout="constrained")
    at, labels = 0, []
    for group in groups:
        for one, figures in group["cells"].items():
            axes.barh(at, max(figures["cpu_us"], 1e-4), color=f"C{names.index(one) % 10}")
            labels.append((at, f"{group['group']}: {one}"))
            at += 1
        at += 1
    axes.set_yticks([y for y, _ in labels], [label for _, label in labels], fontsize=7)
    axes.set(xscale="log", xlabel="us of CPU")
    axes.margins(y=0.01)
    axes.invert_yaxis()
    figure.suptitle(result["question"], fontsize=9)
    axes.grid(axis="x", alpha=0.3)
    PLOTS.mkdir(exist_ok=True)
    path = PLOTS / f"{name}.png"
    figure.savefig(path, dpi=90, metadata={"Software": None})
    pyplot.close(figure)
    return path


def section(path: Path) -> list[str]:
    result = json.loads(path.read_text())
    about = result["facts"]
    drawn = plot(path.stem, result)
    lines = [f"## {result['question']}", ""]
    lines += [f"![{result['question']}](plots/{drawn.name})", ""] if drawn else []
    lines += bounds(result["bounds"]) if result["bounds"] else []
    for group in result["groups"]:
        lines += table(group)
    lines.append(
        f"`{path.stem}.py`, {about['when']}, commit {about['commit']}: {about['cpu']}, {about['cpus']} CPUs, "
        f"digests in {about['simd']} lanes, load {about['load'][0]:.1f} to {about['load'][1]:.1f}, "
        f"Linux {about['kernel']}; {facts.versions(about)}."
    )
    return [*lines, ""]


def render() -> None:
    found = sorted(RESULTS.glob("*.json"), key=lambda path: (path.stem != "batch_read", path.stem))
    lines = [HEAD]
    for path in found:
        lines += section(path)
    PAGE.write_text("\n".join(lines))
    print(f"{PAGE}: {len(found)} questions")


if __name__ == "__main__":
    render()

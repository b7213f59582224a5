#!/usr/bin/env python3
"""Prints the tables of docs/results.md and docs/experiments.md from the JSON files beside this script: python3 docs/results/table.py"""
import json
import statistics
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).parent


def results(folder):
    """All results of a folder, by category and teacher; `evaluate` alone knows none."""
    runs = defaultdict(list)
    for file in sorted(folder.glob("*-seed*.json")):
        run = json.loads(file.read_text())
        runs[run["category"], run.get("teacher")].append(run)
    return runs


runs = results(HERE)


def cell(reports):
    """Mean I-AUROC / AU-PRO 30 in per cent, with the spread where there are several seeds."""
    parts = []
    for key in ("i_auroc", "au_pro_30"):
        values = [100 * report[key] for report in reports]
        spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
        parts.append(f"{statistics.mean(values):.1f}{spread}")
    return " / ".join(parts)


SHIPPED = "efficientnet_lite0_to_stride16"
RENDERED = ["biscuit", "bracket", "cap", "connector", "gasket", "gear"]


def mean_of_rendered(runs, teacher, report):
    """Mean over the rendered categories of each one's mean over its seeds."""
    groups = [runs[category, teacher] for category in RENDERED if (category, teacher) in runs]
    if len(groups) < len(RENDERED):
        return "-"
    means = [[100 * statistics.mean(report(run)[key] for run in group) for group in groups] for key in ("i_auroc", "au_pro_30")]
    return " / ".join(f"{statistics.mean(values):.1f}" for values in means)


def accuracy(runs):
    """The table of accuracy and cost. CPU seconds are medians: a run that was interrupted knows those of its last sitting."""
    print("| category | teacher | seeds | colour | geometry | fused | false rejects | escapes | CPU s | MiB |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for (category, teacher), group in sorted(runs.items()):
        mean = lambda key: 100 * statistics.mean(run[key] for run in group)
        alone = lambda name: cell([run["modalities"][name] for run in group]) if name in group[0]["modalities"] else "-"
        cost = [run["cost"] for run in group]
        print(
            f"| {category} | {teacher.split('_')[0]} | {len(group)} | {alone('rgb')} | {alone('geometry')} | {cell(group)} "
            f"| {mean('false_reject_rate'):.1f} | {mean('escape_rate'):.1f} "
            f"| {statistics.median(c['cpu_seconds'] for c in cost):.0f} | {max(c['peak_memory_mib'] for c in cost):.0f} |"
        )
    for teacher in sorted({teacher for _, teacher in runs}):
        columns = [
            mean_of_rendered(runs, teacher, lambda run: run["modalities"]["rgb"]),
            mean_of_rendered(runs, teacher, lambda run: run["modalities"]["geometry"]),
            mean_of_rendered(runs, teacher, lambda run: run),
        ]
        if "-" not in columns:
            print(f"| **mean of the rendered six** | {teacher.split('_')[0]} | | {' | '.join(f'**{column}**' for column in columns)} | | | | |")


accuracy(runs)
print("\nThe same students joined by the maximum:\n")
accuracy(results(HERE / "maximum"))
print("\nThe same students with the palette's first form, without other lights:\n")
accuracy(results(HERE / "first_palette"))
print("\nThe same students without the palette:\n")
accuracy(results(HERE / "without_palette"))
print("\nThree students of colour, 64 channels wide, without the palette:\n")
accuracy(results(HERE / "three_students"))
print("\nWithout the memory, with islands of the region, and with the whole picture where there is no depth:\n")
accuracy(results(HERE / "without_memory"))

OTHERS = [
    ("First seeds, trained again on another machine", "again"),
    ("The same, colour's student under its finest Gaussian alone", "fine_colour"),
    ("The same, height's student under its broadest Gaussian alone", "broad_height"),
    ("`cable_gland` in views turned by up to 15 degrees", "less_turned"),
    ("The same, colour's student under its finest Gaussian alone", "fine_colour_less_turned"),
]
for title, folder in OTHERS:
    print(f"\n{title}:\n")
    accuracy(results(HERE / folder))

print("\nTest parts that were drawn after the method stood, the same models:\n")
print("| category | colour | geometry | joined | joined, known parts | false rejects | escapes |\n|---|---|---|---|---|---|---|")
fresh = results(HERE / "new_parts")
SHARES = ("false_reject_rate", "escape_rate")
shares = lambda group: [f"{100 * statistics.mean(run[key] for run in group):.1f}" for key in SHARES]
for (category, _), group in sorted(fresh.items()):
    alone = [cell([run["modalities"][name] for run in group]) for name in ("rgb", "geometry")]
    print(f"| {category} | {' | '.join(alone)} | {cell(group)} | {cell(runs[category, SHIPPED])} | {' | '.join(shares(group))} |")
columns = [mean_of_rendered(fresh, None, lambda run, name=name: run["modalities"][name]) for name in ("rgb", "geometry")]
columns += [mean_of_rendered(fresh, None, lambda run: run), mean_of_rendered(runs, SHIPPED, lambda run: run)]
columns += shares([run for group in fresh.values() for run in group])
print(f"| **mean of the six** | {' | '.join(f'**{column}**' for column in columns)} |")

print("\n| category | kind: I-AUROC fused (colour, geometry), escapes |\n|---|---|")
for (category, teacher), group in sorted(runs.items()):
    first = group[0]
    kinds = []
    for kind, report in first["per_kind"].items():
        alone = [first["modalities"][m]["per_kind"][kind]["i_auroc"] for m in first["modalities"]]
        alone = ", ".join(f"{100 * value:.0f}" for value in reversed(alone))
        kinds.append(f"{kind} {100 * report['i_auroc']:.0f} ({alone}), {report['escapes']} of {report['parts']}")
    beside = "" if teacher.startswith("efficientnet") else f", {teacher.split('_')[0]}"
    print(f"| {category}{beside} | {' · '.join(kinds)} |")

VARIANTS = ["average", "perturbation", "refinement", "both-average", "both-maximum", "full"]
ablation = defaultdict(list)
for file in sorted((HERE.parent / "ablation").glob("*.json")):
    run = json.loads(file.read_text())
    ablation[run["category"], VARIANTS.index(run["variant"])].append(run)

print("\n| category | variant | seeds | colour | geometry | joined | CPU s |\n|---|---|---|---|---|---|---|")
for (category, variant), group in sorted(ablation.items()):
    alone = [cell([run["modalities"][name] for run in group]) for name in ("rgb", "geometry")]
    seconds = statistics.mean(run["cost"]["cpu_seconds"] for run in group)
    print(f"| {category} | {VARIANTS[variant]} | {len(group)} | {alone[0]} | {alone[1]} | {cell(group)} | {seconds:.0f} |")

def pairs(reports):
    """Mean I-AUROC / AU-PRO 30 in per cent of reports, one a category and seed; of those that could be ranked."""
    known = lambda key: [report[key] for report in reports if report and report[key] is not None]
    mean = lambda values: f"{100 * statistics.mean(values):.1f}" if values else "-"
    return " / ".join(mean(known(key)) for key in ("i_auroc", "au_pro_30"))


def robustness_rows(runs):
    """A row for the test parts as they are and one for each disturbance, over the same runs."""
    good, defective = (sum(run[key] for run in runs) for key in ("good_parts", "defective_parts"))
    columns = [("as they are", [(run, run["modalities"]) for run in runs])]
    for index, first in enumerate(runs[0]["robustness"]):
        rows = [(run["robustness"][index]["fused"], run["robustness"][index]["modalities"]) for run in runs]
        columns.append((first["disturbance"].replace("_", " "), rows))
    for name, rows in columns:
        fused = [row for row, _ in rows]
        alone = [pairs([modalities[name] for _, modalities in rows]) if name in rows[0][1] else "-" for name in ("rgb", "geometry")]
        rejects = sum(row["false_rejects"] for row in fused)
        escapes = sum(row["escapes"] for row in fused)
        yield f"| {name} | {alone[0]} | {alone[1]} | {pairs(fused)} | {rejects} of {good} | {escapes} of {defective} |"


disturbed = [run for group in runs.values() for run in group if run.get("robustness")]
for with_depth in (True, False):
    chosen = [run for run in disturbed if ("geometry" in run["modalities"]) == with_depth]
    if chosen:
        names = sorted({run["category"] for run in chosen})
        print(f"\nRobustness, {len(chosen)} runs of {', '.join(names)}:\n")
        print("| test parts | colour | geometry | joined | false rejects | escapes |\n|---|---|---|---|---|---|")
        for row in robustness_rows(chosen):
            print(row)

peers = defaultdict(dict)
for line in (HERE / "rd4ad.jsonl").read_text().splitlines():
    run = json.loads(line)
    peers[run["category"]][run["modality"]] = f"{100 * run['i_auroc']:.1f} / {100 * run['au_pro_30']:.1f}"

print("\n| RD4AD | colour | geometry | both |\n|---|---|---|---|")
for category, row in sorted(peers.items()):
    print(f"| {category} | {' | '.join(row.get(name, '-') for name in ('rgb', 'geometry', 'both'))} |")

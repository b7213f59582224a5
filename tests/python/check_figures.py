"""Reads a station's figures with Prometheus's own parser, and says how many families and samples there are."""

import sys

from prometheus_client.parser import text_string_to_metric_families

with open(sys.argv[1], encoding="utf-8") as file:
    families = list(text_string_to_metric_families(file.read()))
for family in families:
    if not family.documentation:
        sys.exit(f"{family.name} has no help")
    if family.type not in ("counter", "gauge", "histogram"):
        sys.exit(f"{family.name} is of type {family.type}")
    for sample in family.samples:
        if "station" not in sample.labels:
            sys.exit(f"{sample.name} has no station")
print(len(families), sum(len(family.samples) for family in families))

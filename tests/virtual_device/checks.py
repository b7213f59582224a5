"""What was checked, and what did not hold."""

# Enough to understand what went wrong; the rest is in the logs of the run.
FAULTS_SHOWN = 8


class Checks:
    """Prints each check as it is made and remembers those that failed."""

    def __init__(self):
        self.held = 0
        self.failed = []

    def holds(self, name, held, detail=""):
        """One check; `detail` is what was seen."""
        print(f"{'ok  ' if held else 'FAIL'}  {name}{': ' if detail else ''}{detail}", flush=True)
        if held:
            self.held += 1
        else:
            self.failed.append(name)

    def no_faults(self, name, faults, detail=""):
        """A check that a list of faults is empty."""
        shown = "; ".join(faults[:FAULTS_SHOWN])
        more = f"; and {len(faults) - FAULTS_SHOWN} more" if len(faults) > FAULTS_SHOWN else ""
        self.holds(name, not faults, shown + more if faults else detail)

    def summary(self):
        """The last line of a run."""
        if not self.failed:
            return f"all {self.held} checks held"
        return f"{len(self.failed)} of {self.held + len(self.failed)} checks FAILED: {', '.join(self.failed)}"

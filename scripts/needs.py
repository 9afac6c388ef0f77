"""Says how to get a Python package that a script needs and does not find."""

import sys


def stop_without(missing, requirements="requirements.txt"):
    """Explains an ImportError and ends the script with status 2."""
    print(
        f"{missing.name} is not installed; get it by\n"
        f"    python3 -m venv .venv && .venv/bin/pip install -r scripts/{requirements}\n"
        "and start this script with .venv/bin/python",
        file=sys.stderr,
    )
    sys.exit(2)

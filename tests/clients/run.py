#!/usr/bin/python3
"""Runs a client against a suite of its own: run.py PROGRAM [ARGUMENT...]. The client finds it by $MILEPOST_PROFILE."""

import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from suite import Suite, main  # noqa: E402


def run():
    with Suite() as suite:
        profile = suite.profile("admin", "admin", approver="approver")
        return subprocess.run(sys.argv[1:], env=dict(os.environ, MILEPOST_PROFILE=str(profile)), timeout=240 * 3,
                              check=False).returncode


if __name__ == "__main__":
    main(run)

"""The modules of install/, which are scripts beside each other."""

from __future__ import annotations

import sys

from tests.install.places import ROOT

sys.path.insert(0, str(ROOT / "install"))

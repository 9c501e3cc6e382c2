"""The modules of install/ are scripts beside each other; the tests import them as such."""

import sys

from tests.install.places import ROOT

sys.path.insert(0, str(ROOT / "install"))

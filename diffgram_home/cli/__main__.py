"""`python -m diffgram_home.cli`: the same as `diffgram-home`."""

from diffgram_home.cli import main
from diffgram_home.cli.base import PROGRAM

main(prog_name=PROGRAM)

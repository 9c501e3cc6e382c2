"""The installation: settings, pages, scheduler, command line, and the one door out (design 2)."""

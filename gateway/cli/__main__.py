"""How is the command run where it is not installed? `python -m gateway.cli`."""

from gateway.cli import main

main()

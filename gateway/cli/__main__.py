"""How is the command run where it is not installed? `python -m gateway.cli`."""

from gateway.cli import main

if __name__ == "__main__":  # processes that `run` starts may load the main module again
    main()

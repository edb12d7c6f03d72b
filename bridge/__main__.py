"""``python -m bridge`` is the command line."""

from bridge.cli import main

if __name__ == "__main__":
    main(prog_name="hotline-bridge")

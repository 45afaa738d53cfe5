"""`python -m lyra`: the command line."""

from lyra.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()

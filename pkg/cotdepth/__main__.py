"""``python -m cotdepth``: the command ``cotdepth``."""

from cotdepth.cli import main

if __name__ == "__main__":
    raise SystemExit(main())

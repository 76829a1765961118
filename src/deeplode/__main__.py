"""``python -m deeplode``: the same as the command ``deeplode``."""

from deeplode.cli.main import run

if __name__ == "__main__":
    run()

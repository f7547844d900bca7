"""The `entrepot` command, also as `python -m entrepot`."""


def main() -> None:
    """Run the command line.

    Its modules are imported here and not above: where workers are spawned rather than forked, they
    import this module first, and need none of them.
    """
    from entrepot.cli.main import app

    app()


if __name__ == "__main__":
    main()

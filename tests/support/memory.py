"""How much memory a running hub has taken at most."""

from pathlib import Path


def peak_memory(data: Path) -> int:
    """The most bytes that any process of the hub over this directory has ever held."""
    processes = {int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()}
    fields = {each: _fields(each) for each in processes}
    ours = {each for each in processes if str(data).encode() in _command(each)}
    while more := {each for each in processes - ours if _parent(fields[each]) in ours}:
        ours |= more
    return max(int(fields[each].get("VmHWM", "0 kB").split()[0]) * 1024 for each in ours)


def _fields(process: int) -> dict[str, str]:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    pairs = [line.partition(":") for line in lines]
    return {name: value.strip() for name, _, value in pairs}


def _parent(fields: dict[str, str]) -> int:
    return int(fields.get("PPid", "0"))


def _command(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""

"""Breaks the long lines of templates and style sheets: `just format`.

A line of a template is broken only where the page stays the same: beside the tags of blocks, after
a Jinja statement (whose newline is trimmed), at a space of a text, and inside tags and expressions.
"""

import re
import sys
from pathlib import Path
from typing import Final

WEB: Final = Path(__file__).parent.parent / "src" / "entrepot" / "web"
MOST: Final = 120
_BLOCKS: Final = (
    "html|head|body|meta|link|script|header|main|footer|nav|div|section|article|aside|form|fieldset|legend|p|ul|li"
    "|h1|h2|h3|table|caption|thead|tbody|tr|th|td|select|option|pre"
)
# A hidden field is no box either: nobody sees the space beside it.
_BLOCK: Final = re.compile(rf"</?(?:{_BLOCKS})\b|<input type=\"hidden\"")
_QUOTED: Final = r"\"(?:\{\{.*?\}\}|\{%.*?%\}|[^\"])*\""
_TOKEN: Final = re.compile(
    r"(?P<statement>\{%.*?%\})|(?P<value>\{\{.*?\}\})"
    rf"|(?P<tag></?[a-z!](?:\{{\{{.*?\}}\}}|\{{%.*?%\}}|{_QUOTED}|[^<>\"])*>)"
    r"|(?P<text>(?:(?!\{[{%]|</?[a-z!]).)+)",
    re.DOTALL,
)
_INNER: Final = re.compile(rf"\{{\{{.*?\}}\}}|\{{%.*?%\}}|{_QUOTED}| (?=[a-z-]+(?:=|>| |$))")
_OPENING: Final = re.compile(
    rf"<(?:(?P<void>meta|link)|{_BLOCKS})\b"
    r"|\{%-? (?:if|for|macro|block|filter|call) |\{%-? set \w+ %\}"
)
_CLOSING: Final = re.compile(rf"</(?:{_BLOCKS})\b|\{{%-? end\w+ ")
_MIDDLE: Final = re.compile(r"\{%-? (?:else|elif)\b")
_EXPRESSION: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}")
_PREFORMATTED: Final = re.compile(r"<(/?)(?:pre|textarea)\b")


def spaces_of(expression: str) -> list[tuple[int, int]]:
    """Return where an expression may be broken, and how much worse than elsewhere that is."""
    found: list[tuple[int, int]] = []
    quote = ""
    for index, sign in enumerate(expression):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign == " " and 3 < index < len(expression) - 3:
            found.append((index, 2 if expression[index - 1] == "," else 4))
    return found


def breaks_of(line: str) -> list[tuple[int, int, int]]:
    """Return where a line may be broken: from, to, and how much worse than the best that is."""
    found: list[tuple[int, int, int]] = []
    before, is_kept = "", False
    for token in _TOKEN.finditer(line):
        text, start = token[0], token.start()
        is_edge = bool(_BLOCK.match(text) or _BLOCK.match(before)) and not is_kept
        is_edge = is_edge and not text.startswith(("</pre", "</textarea"))
        if before and (is_edge or (before.startswith("{%") and text.startswith("{%"))):
            found.append((start, start, 0))
        if token.lastgroup != "text" or not is_kept:
            found += [(start + at, start + at + 1, cost) for at, cost in _within(token)]
        if mark := _PREFORMATTED.match(text):
            is_kept = not mark[1]
        before = text
    return found


def _within(token: re.Match[str]) -> list[tuple[int, int]]:
    """Return the spaces in a token at which it may be broken, with what that costs."""
    text = token[0]
    if token.lastgroup == "text":
        return [(at.start(), 1) for at in re.finditer(" ", text)]
    if token.lastgroup != "tag":
        most = 2 if token.lastgroup == "statement" else 4
        return [(at, cost) for at, cost in spaces_of(text) if cost <= most]
    if text.startswith('<input type="hidden"'):
        return []
    found = [(at.start(), 3) for at in _INNER.finditer(text) if at[0] == " "]
    for inner in _EXPRESSION.finditer(text):
        found += [(inner.start() + at, 4) for at, _ in spaces_of(inner[0])]
    return found


def pieces_of(line: str) -> list[str]:
    """Return the parts of a line between which it may be broken freely."""
    ends = sorted({at for at, _, cost in breaks_of(line) if cost == 0 and at})
    return [line[start:end] for start, end in zip([0, *ends], [*ends, len(line)], strict=True)]


def depth_of(piece: str) -> tuple[int, int]:
    """Return by how much a piece changes the depth, and how far below its start it goes."""
    depth = lowest = 0
    for token in _TOKEN.finditer(piece):
        text = token[0]
        if opened := _OPENING.match(text):
            depth += 0 if opened["void"] else 1
        elif _CLOSING.match(text):
            depth -= 1
            lowest = min(lowest, depth)
        elif _MIDDLE.match(text):
            lowest = min(lowest, depth - 1)
    return depth, lowest


def broken(line: str) -> list[str]:
    """Return a long line as lines: what fits and is whole stays on one, and is indented."""
    if len(line) <= MOST:
        return [line]
    level = len(line) - len(line.lstrip())
    pieces, lines, index = pieces_of(line.strip()), [], 0
    while index < len(pieces):
        change, lowest = depth_of(pieces[index])
        start = max(0, level + 2 * lowest)
        taken, depth, text = 1, change, pieces[index]
        whole = (1, text) if change == 0 and lowest == 0 else None
        while lowest == 0 and depth >= 0 and index + taken < len(pieces):
            text += pieces[index + taken]
            if len(text) + start > MOST:
                break
            more, low = depth_of(pieces[index + taken])
            if depth + low < 0:
                break
            depth, taken = depth + more, taken + 1
            if depth == 0:
                whole = (taken, text)
        count, text = whole or (1, pieces[index])
        lines += filled(" " * start + text.strip())
        level += 2 * change if count == 1 else 0
        index += count
    return lines


def filled(line: str) -> list[str]:
    """Return a line that holds no block to break, broken at spaces, in expressions and in tags."""
    indent = line[: len(line) - len(line.lstrip())] + "  "
    # Looked for once: what is left of a line after a break may begin within a tag.
    places = [each for each in breaks_of(line) if each[2] and each[0] >= len(indent)]
    lines: list[str] = []
    begin, lead = 0, ""
    while len(lead) + len(line) - begin > MOST:
        end = begin + MOST - len(lead)
        usable = [each for each in places if each[0] > begin]
        near = [each for each in usable if begin + MOST // 2 < each[0] <= end]
        fitting = [each for each in usable if each[0] <= end]
        if not usable:
            break
        best = min(near or fitting or usable[:1], key=lambda each: (each[2], -each[0]))
        lines.append(lead + line[begin : best[0]])
        begin, lead = best[1], indent
    return [*lines, lead + line[begin:]]


def template(text: str) -> str:
    """Return a template with its long lines broken, except those that share a token."""
    crossed = {
        number
        for token in _TOKEN.finditer(text)
        if token.lastgroup != "text" and "\n" in token[0]
        for number in range(
            text.count("\n", 0, token.start()), text.count("\n", 0, token.end()) + 1
        )
    }
    lines: list[str] = []
    for number, line in enumerate(text.split("\n")):
        lines += [line] if number in crossed else broken(line)
    return "\n".join(lines)


def style(text: str) -> str:
    """Return a style sheet with long lines and long rules broken."""
    return "\n".join(piece for line in text.split("\n") for piece in _style_line(line))


def _style_line(line: str) -> list[str]:
    indent = line[: len(line) - len(line.lstrip())]
    if len(line) <= MOST:
        return [line]
    if line.lstrip().startswith("@") and line.endswith("} }"):
        head, _, body = line.strip().partition(" { ")
        return [f"{indent}{head} {{", *_style_line(f"{indent}  {body[:-2]}"), f"{indent}}}"]
    rules = re.findall(r"[^{}]+\{[^{}]*\}", line)
    if len(rules) > 1 and "".join(rules) == line:
        return [piece for rule in rules for piece in _style_line(indent + rule.strip())]
    if rule := re.fullmatch(r"([^{}]+) \{ ?([^{}]*?) ?\}", line.strip()):
        selectors = _listed(indent, f"{rule[1]} {{")
        inner = [each.strip() for each in rule[2].split(";") if each.strip()]
        return [
            *selectors,
            *(piece for each in inner for piece in _listed(indent + "  ", f"{each};")),
            f"{indent}}}",
        ]
    return _listed(indent, line.strip())


def _listed(indent: str, line: str) -> list[str]:
    """Return selectors or values as lines, broken after commas."""
    lines: list[str] = []
    line = indent + line
    while (
        len(line) > MOST and (at := max(line.rfind(", ", 0, MOST), line.rfind("; ", 0, MOST))) > 0
    ):
        lines.append(line[: at + 1])
        line = indent + "  " + line[at + 2 :]
    return [*lines, line]


def main() -> None:
    """Rewrite the files that are named, by default all."""
    named = [Path(each) for each in sys.argv[1:]]
    for path in named or sorted([*WEB.rglob("*.html"), *WEB.rglob("*.css")]):
        before = path.read_text()
        after = style(before) if path.suffix == ".css" else template(before)
        if after != before:
            path.write_text(after)


if __name__ == "__main__":
    main()

"""`entrepot mirror rule`: tags of other registries that are kept here."""

from typing import TYPE_CHECKING, Annotated, Final

import typer
from msgspec import structs

from entrepot.cli.common.output import (
    USAGE,
    Data,
    Json,
    confirm,
    counted,
    fail,
    print_json,
    print_table,
    with_app,
)
from entrepot.cli.common.progress import showing

if TYPE_CHECKING:
    from entrepot.app import App
    from entrepot.hub.mirroring.rule_runs import RulePreview
    from entrepot.model.mirroring.pull_rules import PullRule, RuleRun, RuleSettings, RuleTag

app = typer.Typer(
    no_args_is_help=True,
    help="Manage pull rules, which keep tags of other registries in repositories of this hub.",
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(help="The rule's name.")]
Source = Annotated[
    str,
    typer.Argument(help="A repository of a mirror, such as docker.io/library/postgres[:TAG]."),
]
Target = Annotated[
    str, typer.Argument(help="A repository, or NAMESPACE/* for the source's last component.")
]
Include = Annotated[
    list[str] | None,
    typer.Option("--include", help="A pattern of tags, such as 16.* or /v[0-9.]+/; default: all."),
]
Exclude = Annotated[
    list[str] | None, typer.Option("--exclude", help="A pattern of tags to leave out.")
]
Versions = Annotated[
    list[str] | None,
    typer.Option("--versions", help="A range of versions, such as '>=1.2 <2' or ^1.4."),
]
Newest = Annotated[
    int | None,
    typer.Option(
        "--newest", min=1, help="The number of tags to keep up with: the greatest versions."
    ),
]
Platforms = Annotated[
    list[str] | None, typer.Option("--platform", help="A platform to copy; by default all.")
]
Attachments = Annotated[
    str, typer.Option("--attachments", help="all, signatures or none: what comes along.")
]
When = Annotated[
    str,
    typer.Option("--schedule", help="every 6h, or five fields of cron in UTC; default: by hand."),
]
Delete = Annotated[
    str, typer.Option("--delete", help="keep or follow: tags that vanish at the source.")
]
Flatten = Annotated[
    bool, typer.Option("--flatten", help="Copy the image of the platform, without its index.")
]
NoOverwrite = Annotated[
    bool, typer.Option("--no-overwrite", help="Leave tags that point elsewhere here.")
]
_MOST_SHOWN: Final = 10_000


@app.command("add")
def add(
    name: Name,
    source: Source,
    target: Target,
    include: Include = None,
    exclude: Exclude = None,
    versions: Versions = None,
    newest: Newest = None,
    platform: Platforms = None,
    flatten: Flatten = False,
    attachments: Attachments = "all",
    schedule: When = "",
    delete: Delete = "keep",
    no_overwrite: NoOverwrite = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Create a pull rule: copy tags of a mirror's repository into a repository of this hub."""
    settings = _settings(
        source=source,
        target=target,
        include=tuple(include or ()),
        exclude=tuple(exclude or ()),
        versions=tuple(versions or ()),
        newest=newest,
        platforms=tuple(platform or ()),
        flatten=flatten,
        attachments=attachments,
        schedule=schedule,
        delete=delete,
        overwrite=not no_overwrite,
    )
    made = with_app(data, lambda hub: hub.pull_rules.add(name, settings))
    if as_json:
        print_json(described(made))
        return
    when = f"runs {schedule}" if schedule else f"runs by: entrepot mirror rule run {name}"
    print(f"Created pull rule {name} from {source} to {settings.target_name}; it {when}.")


@app.command("list")
def list_rules(data: Data = None, as_json: Json = False) -> None:
    """List the pull rules, and how they ran last."""
    found = with_app(data, lambda hub: hub.pull_rules.list_all())
    if as_json:
        print_json([described(each) for each in found])
        return
    rows = [
        (
            each.name,
            each.settings.source,
            each.settings.target,
            each.settings.schedule or "by hand",
            each.run.state if each.run else "never ran",
            each.run.note if each.run else "",
        )
        for each in found
    ]
    columns = ("NAME", "SOURCE", "TARGET", "SCHEDULE", "LAST RUN", "NOTE")
    print_table(columns, rows, "There are no pull rules.")


@app.command("show")
def show(name: Name, data: Data = None, as_json: Json = False) -> None:
    """Show a pull rule, its last run, and the outcome for each tag."""

    async def work(hub: "App") -> "tuple[PullRule, list[RuleTag]]":
        rule = await hub.pull_rules.get(name)
        return rule, await hub.pull_rules.list_tags(rule, "", _MOST_SHOWN)

    rule, tags = with_app(data, work)
    shown = described(rule)
    if as_json:
        print_json({**shown, "tags": [_described_tag(each) for each in tags]})
        return
    rows = [
        (key.replace("_", " "), ", ".join(value) if isinstance(value, tuple | list) else value)
        for key, value in shown.items()
        if value not in ((), None, "") and key != "last_run"
    ]
    if rule.run is not None:
        rows.append(("last run", f"{rule.run.state}, began {rule.run.started_at:%Y-%m-%d %H:%M}"))
        rows += [("note", rule.run.note)] if rule.run.note else []
    print_table(("SETTING", "VALUE"), rows, "")
    print()
    _print_tags(tags, "It has copied nothing yet.")


@app.command("run")
def run(
    name: Name,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    confirm_deletions: Annotated[
        bool,
        typer.Option("--confirm-deletions", help="Delete more than half of its tags, if need be."),
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Run a pull rule now, or say what a run would do."""
    if dry_run:

        async def preview(hub: "App") -> "RulePreview":
            return await hub.rule_runs.preview(await hub.pull_rules.get(name))

        planned = with_app(data, preview)
        if as_json:
            tags = [_described_tag(each) for each in planned.tags]
            print_json({"dry_run": True, "tags": tags, "note": planned.waits})
        else:
            _print_tags(planned.tags, planned.waits or "No tag matches.")
        return
    done, outcomes = with_app(data, lambda hub: _run(hub, name, confirmed=confirm_deletions))
    if as_json:
        print_json({"dry_run": False, **_described_run(done), "tags": outcomes})
    else:
        counts = ", ".join(f"{action} {count:,}" for action, count in done.counts.items())
        print(f"Ran pull rule {name}: {counts or 'no tags'}; {done.size:,} bytes were fetched.")
    if done.state != "done":
        fail(f"{name}: {done.note}")


@app.command("remove")
def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Delete a pull rule; what it has copied stays."""
    if not yes:
        confirm(f"Delete the pull rule {name}? What it has copied stays.")
    with_app(data, lambda hub: hub.pull_rules.remove(name))
    print_json({"name": name, "deleted": True}) if as_json else print(f"Deleted pull rule {name}.")


def described(rule: "PullRule") -> dict[str, object]:
    """The rule as JSON."""
    return {
        "name": rule.name,
        **structs.asdict(rule.settings),
        "next_run": rule.due_at.isoformat() if rule.due_at else None,
        "last_run": _described_run(rule.run) if rule.run else None,
    }


def _settings(**given: object) -> "RuleSettings":
    """The settings that the options name; ends the command where they make no rule."""
    from msgspec import ValidationError, convert

    from entrepot.errors import EntrepotError
    from entrepot.model.mirroring.pull_rules import RuleSettings

    try:
        return convert(given, RuleSettings)
    except (EntrepotError, ValidationError) as error:
        fail(str(error), USAGE)


async def _run(
    hub: "App", name: str, *, confirmed: bool
) -> "tuple[RuleRun, list[dict[str, object]]]":
    rule = await hub.pull_rules.get(name)
    with showing("Fetching", None, in_bytes=True) as bar:
        done = await hub.rule_runs.run(rule, confirmed=confirmed, watch=bar.advance)
    tags = await hub.pull_rules.list_tags(rule, "", _MOST_SHOWN)
    return done, [_described_tag(each) for each in tags]


def _described_run(run: "RuleRun") -> dict[str, object]:
    return {
        "state": str(run.state),
        "started_at": run.started_at.isoformat(),
        "ended_at": run.ended_at.isoformat() if run.ended_at else None,
        "note": run.note,
        "counts": run.counts,
        "bytes": run.size,
    }


def _described_tag(tag: "RuleTag") -> dict[str, object]:
    return {
        "tag": tag.tag,
        "action": str(tag.action),
        "digest": tag.digest,
        "bytes": tag.size,
        "note": tag.reason,
        "changed_at": tag.changed_at.isoformat() if tag.changed_at else None,
    }


def _print_tags(tags: "list[RuleTag]", empty: str) -> None:
    rows = [(each.tag, each.action, f"{each.size:,}", each.reason) for each in tags]
    print_table(("TAG", "ACTION", "BYTES", "NOTE"), rows, empty)
    if len(tags) >= _MOST_SHOWN:
        print(f"Only the first {counted(_MOST_SHOWN, 'tag')} are shown.")

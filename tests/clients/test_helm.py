"""Helm 3 and Helm 4 keep charts here: pushed, found, pulled, rendered, depended on, signed."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.clients.programs import Program, program
from tests.support.server import Hub
from tests.support.tools import run, tool

pytestmark = pytest.mark.clients

CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}-settings"}
data: {greeting: "{{ .Values.greeting }}"}
"""


@dataclass(frozen=True, slots=True)
class Helm:
    """Helm at one hub; `plain` holds the one flag that HTTP asks for."""

    program: Program
    hub: Hub
    plain: tuple[str, ...] = field(default=())

    def __call__(self, *words: str | Path) -> str:
        """Run a command that speaks to the registry."""
        return self.program(*words, *self.plain)

    @property
    def registry(self) -> str:
        """Where charts go."""
        return f"oci://{self.hub.host}/docker"

    def login(self) -> None:
        """Log in with the password on standard input."""
        words = ("registry", "login", self.hub.host, "-u", self.hub.username, "--password-stdin")
        self.program(*words, *self.plain, stdin=self.hub.password)

    def package(self, name: str, version: str = "0.1.0", *flags: str | Path) -> Path:
        """A packaged chart of one template."""
        directory = self.program.directory
        write_chart(directory / name, name, version)
        self.program("package", directory / name, "-d", directory, *flags)
        return directory / f"{name}-{version}.tgz"

    def pull(self, name: str, version: str, *flags: str | Path) -> Path:
        """The directory that holds nothing but what was pulled."""
        into = self.program.directory / "pulled"
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir()
        self("pull", f"{self.registry}/{name}", "--version", version, "-d", into, *flags)
        return into


def write_chart(place: Path, name: str, version: str, more: str = "") -> None:
    """The sources of a chart with one template and one value."""
    (place / "templates").mkdir(parents=True, exist_ok=True)
    (place / "templates" / "settings.yaml").write_text(CONFIG_MAP)
    (place / "values.yaml").write_text("greeting: hello\n")
    (place / "Chart.yaml").write_text(
        f"apiVersion: v2\nname: {name}\nversion: {version}\ndescription: A test\n{more}"
    )


@pytest.fixture(params=["helm3", "helm4"])
def stranger(
    request: pytest.FixtureRequest, hub: Hub, home: dict[str, str], tmp_path: Path
) -> Helm:
    """One of the two Helms, not logged in."""
    work = tmp_path / "work"
    work.mkdir()
    plain = () if hub.tls else ("--plain-http",)
    return Helm(program(str(request.param), home, work), hub, plain)


@pytest.fixture
def helm(stranger: Helm) -> Helm:
    """One of the two Helms, logged in."""
    stranger.login()
    return stranger


def test_a_person_logs_in_at_the_password_prompt_and_pushes(stranger: Helm) -> None:
    host, plain = stranger.hub.host, stranger.plain
    stranger.program.prompted(
        stranger.hub.password, "registry", "login", host, "-u", "hubuser", *plain
    )
    chart = stranger.package("demo")
    stranger("push", "demo-0.1.0.tgz", f"oci://{host}/docker")
    assert (stranger.pull("demo", "0.1.0") / chart.name).read_bytes() == chart.read_bytes()


def test_a_wrong_password_does_not_log_in(stranger: Helm) -> None:
    words = ("registry", "login", stranger.hub.host, "-u", "hubuser", "--password-stdin")
    said = stranger.program.refused(*words, *stranger.plain, stdin="not the password")
    assert "401" in said or "unauthorized" in said.lower()


def test_a_chart_comes_back_byte_for_byte_by_tag_and_by_digest(helm: Helm) -> None:
    chart = helm.package("bytes")
    said = helm.program.aloud("push", chart, helm.registry, *helm.plain)
    digest = said.partition("Digest: ")[2].split()[0]
    pulled = helm.pull("bytes", "0.1.0")
    assert [file.read_bytes() for file in pulled.iterdir()] == [chart.read_bytes()]
    (pulled / chart.name).unlink()
    helm("pull", f"{helm.registry}/bytes@{digest}", "-d", pulled)
    assert [file.read_bytes() for file in pulled.iterdir()] == [chart.read_bytes()]


def test_a_chart_is_shown_and_rendered_from_the_hub(helm: Helm) -> None:
    helm("push", helm.package("shown"), helm.registry)
    reference = f"{helm.registry}/shown"
    shown = helm("show", "all", reference, "--version", "0.1.0")
    assert "name: shown" in shown
    assert "greeting: hello" in shown
    rendered = helm("template", "mine", reference, "--version", "0.1.0", "--set", "greeting=hej")
    assert "mine-settings" in rendered
    assert "hej" in rendered


def test_a_range_of_versions_finds_the_newest_that_fits(helm: Helm) -> None:
    for version in ("1.0.0", "1.2.0", "1.10.0", "2.0.0"):
        helm("push", helm.package("many", version), helm.registry)
    shown = helm("show", "chart", f"{helm.registry}/many", "--version", "^1")
    assert "version: 1.10.0" in shown


def test_a_version_with_build_metadata_is_kept_under_a_legal_tag(helm: Helm) -> None:
    version = "0.1.0-rc.1+build.5"
    chart = helm.package("metadata", version)
    helm("push", chart, helm.registry)
    assert (helm.pull("metadata", version) / chart.name).read_bytes() == chart.read_bytes()


def test_a_chart_depends_on_another_one_of_the_hub(helm: Helm) -> None:
    helm("push", helm.package("child"), helm.registry)
    place = helm.program.directory / "parent"
    needs = f"dependencies: [{{name: child, version: '>=0.1.0', repository: '{helm.registry}'}}]\n"
    write_chart(place, "parent", "0.2.0", needs)
    helm("dependency", "update", place)
    shutil.rmtree(place / "charts")
    helm("dependency", "build", place)
    assert [file.name for file in (place / "charts").iterdir()] == ["child-0.1.0.tgz"]
    assert "child/templates/settings.yaml" in helm.program("template", "mine", place)


def test_a_signed_chart_keeps_its_provenance(helm: Helm, keyrings: tuple[Path, Path]) -> None:
    public, secret = keyrings
    phrase = helm.program.directory / "passphrase"
    phrase.write_text("\n")
    signing = ("--sign", "--key", "Chart Maker", "--keyring", secret, "--passphrase-file", phrase)
    chart = helm.package("signed", "0.1.0", *signing)
    provenance = chart.with_name(chart.name + ".prov")
    helm("push", chart, helm.registry)
    pulled = helm.pull("signed", "0.1.0", "--prov")
    assert (pulled / provenance.name).read_bytes() == provenance.read_bytes()
    helm.pull("signed", "0.1.0", "--verify", "--keyring", public)


def test_after_a_logout_a_private_chart_is_out_of_reach(helm: Helm) -> None:
    helm("push", helm.package("private"), helm.registry)
    helm.program("registry", "logout", helm.hub.host)
    reference = f"{helm.registry}/private"
    said = helm.program.refused("pull", reference, "--version", "0.1.0", *helm.plain)
    assert "401" in said
    missing = helm.program.refused("pull", reference + "-no", "--version", "0.1.0", *helm.plain)
    assert missing.replace("private-no", "private") == said


@pytest.fixture
def keyrings(tmp_path: Path, home: dict[str, str]) -> tuple[Path, Path]:
    """A public and a secret OpenPGP keyring in the form that Helm reads."""
    vault = tmp_path / "gnupg"
    vault.mkdir(mode=0o700)
    env = home | {"GNUPGHOME": str(vault)}
    gpg = program("gpg", env, tmp_path)
    public, secret = tmp_path / "public.gpg", tmp_path / "secret.gpg"
    maker = "Chart Maker <maker@example.test>"
    try:
        gpg("--batch", "--passphrase", "", "--quick-gen-key", maker, "rsa2048", "sign", "never")
        gpg("--batch", "--output", public, "--export")
        gpg("--batch", "--output", secret, "--export-secret-keys")
    finally:
        run(tool("gpgconf"), "--kill", "all", env=env)
    return public, secret

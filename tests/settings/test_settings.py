"""Settings: read from options, the environment and the file, in this order, and checked."""

import dataclasses
import os
import pickle
from datetime import timedelta
from pathlib import Path

import pytest
import typer

from entrepot.cli.common.configuration import read_settings
from entrepot.model.operators.described_settings import SettingSource
from entrepot.model.people.accounts import SignUpMode
from entrepot.model.people.groups import DirectoryKind
from entrepot.model.repositories import Visibility
from entrepot.settings import BlobSender, LogFormat, ReadSettings, Settings


@pytest.fixture(autouse=True)
def _no_settings_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No `ENTREPOT_…` and no `entrepot.toml` but the test's."""
    for name in [name for name in os.environ if name.startswith("ENTREPOT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_without_anything_said_the_defaults_hold() -> None:
    assert read_settings() == ReadSettings(sources={})


def test_an_option_wins_over_the_environment_and_that_over_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("entrepot.toml").write_text('host = "file"\nport = 1\nworkers = 7\n')
    assert (read_settings().host, read_settings().port) == ("file", 1)
    monkeypatch.setenv("ENTREPOT_HOST", "environment")
    monkeypatch.setenv("ENTREPOT_PORT", "2")
    found = read_settings(port=3, host=None)
    assert (found.host, found.port, found.workers) == ("environment", 3, 7)
    told = {each.name: each.source for each in pickle.loads(pickle.dumps(found)).described()}  # noqa: S301 - ours
    assert [told[name] for name in ("host", "port", "workers", "tls")] == [
        SettingSource.ENVIRONMENT,
        SettingSource.OPTION,
        SettingSource.FILE,
        SettingSource.DEFAULT,
    ]


def test_values_are_shown_as_the_file_has_them() -> None:
    settings = Settings(trusted_proxies=("10.0.0.0/8",), s3_redirect=False, secret_key="k" * 32)
    told = {each.name: each for each in settings.described()}
    assert told["trusted_proxies"].value == '["10.0.0.0/8"]'
    assert told["s3_redirect"].value == "false"
    assert told["secret_key"].value == "••••••"
    assert told["secret_key"].source is SettingSource.OPTION
    assert told["workers"].source is SettingSource.DEFAULT


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("OPEN", "true", True),
        ("OPEN", "1", True),
        ("OPEN", "false", False),
        ("OPEN", "", False),
        ("ACCEPT_SPARSE", "yes", True),
        ("DATA", "/srv/hub", Path("/srv/hub")),
        ("URL", "https://hub.example.org:8443", "https://hub.example.org:8443"),
        ("DEFAULT_VISIBILITY", "public", Visibility.PUBLIC),
        ("LOG_FORMAT", "json", LogFormat.JSON),
        ("BLOB_SENDER", "x-accel-redirect", BlobSender.X_ACCEL_REDIRECT),
        ("TLS", "auto", "auto"),
        ("TRUSTED_PROXIES", '["10.0.0.0/8"]', ("10.0.0.0/8",)),
        ("UPLOAD_EXPIRY", "PT90S", timedelta(seconds=90)),
        ("UPLOAD_EXPIRY", "P1DT2H", timedelta(days=1, hours=2)),
        ("UPLOAD_EXPIRY", "3600", timedelta(hours=1)),
        ("UPLOAD_EXPIRY", "0.5", timedelta(seconds=0.5)),
        ("UPLOAD_EXPIRY", "12:30:00", timedelta(hours=12, minutes=30)),
        ("UPLOAD_EXPIRY", "2 days, 01:00", timedelta(days=2, hours=1)),
        ("SCRUB_EVERY", "0", timedelta(0)),
        *(("OPEN", text, True) for text in ("True", "yes", "on", "Y", "t")),
        *(("S3_REDIRECT", text, False) for text in ("FALSE", "no", "off", "0", "n")),
        ("PORT", "08080", 8080),
        ("DATABASE", "", None),
        ("S3_REGION", "null", "null"),
        ("OTHER_URLS", "[]", ()),
        ("ADMIN_PASSWORD", "12345678", "12345678"),
    ],
)
def test_the_environment_is_read_as_each_setting_means_it(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: object
) -> None:
    monkeypatch.setenv(f"ENTREPOT_{name}", text)
    assert getattr(read_settings(), name.lower()) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("PORT", text) for text in ("0", "65536", "many", "-1")),
        *(("WORKERS", text) for text in ("0", "65", "x")),
        *(("URL", text) for text in ("hub.example.org", "ftp://x", "https://x/path", "https://")),
        *(("OPEN", "perhaps"), ("TLS", "on"), ("LOG_FORMAT", "xml")),
        *(("DEFAULT_VISIBILITY", "secret"), ("UPLOAD_EXPIRY", "soon")),
        *(("UPLOAD_EXPIRY", "PT0S"), ("UPLOAD_EXPIRY", "-PT1S"), ("UPLOAD_EXPIRY", "1" * 400)),
        *(("SECRET_KEY", "short"), ("PORT", "1.5"), ("PORT", "[1]"), ("CORS_ORIGINS", "[1]")),
        ("TLS_CERT", "only-a-certificate.pem"),
        *(("TRUSTED_PROXIES", text) for text in ("everybody", '["everybody"]', '["10.0.0.1/8"]')),
    ],
)
def test_a_mistake_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, text: str
) -> None:
    monkeypatch.setenv(f"ENTREPOT_{name}", text)
    with pytest.raises(typer.Exit) as caught:
        read_settings()
    assert caught.value.exit_code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("entrepot: ")
    assert name.lower() in line


@pytest.mark.parametrize("text", ["unknown = 1", "port = 'x'", "[section]\nhost = 'x'", "port ="])
def test_a_file_that_means_nothing_is_refused(
    capsys: pytest.CaptureFixture[str], text: str
) -> None:
    Path("entrepot.toml").write_text(text)
    with pytest.raises(typer.Exit):
        read_settings()
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    "line", ["host = 5", "open = 'perhaps'", "open = 2", "port = 1.5", "grace = true", "url = []"]
)
def test_a_line_of_another_type_is_named(capsys: pytest.CaptureFixture[str], line: str) -> None:
    Path("entrepot.toml").write_text(line)
    with pytest.raises(typer.Exit):
        read_settings()
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(f"entrepot: {line.partition(' ')[0]}: invalid ")


def test_a_variable_may_be_written_in_small_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("entrepot_port", "7")
    assert read_settings().port == 7


@pytest.mark.parametrize("variable", ["SECRET_KEY", "DATABASE"])
def test_no_error_shows_a_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str
) -> None:
    monkeypatch.setenv(f"ENTREPOT_{variable}", "quite-secret")
    with pytest.raises(typer.Exit):
        read_settings()
    said = capsys.readouterr().err
    assert "(hidden)" in said
    assert "quite-secret" not in said


def test_a_duration_in_the_file_may_be_seconds() -> None:
    Path("entrepot.toml").write_text("upload_expiry = 90")
    assert read_settings().upload_expiry == timedelta(seconds=90)


def test_a_certificate_and_its_key_belong_together(tmp_path: Path) -> None:
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    for options in (
        {"tls_cert": certificate},
        {"tls_key": key},
        {"tls_cert": certificate, "tls_key": key},
    ):
        with pytest.raises(typer.Exit):
            read_settings(**options)
    certificate.touch()
    key.touch()
    found = read_settings(tls_cert=certificate, tls_key=key)
    assert found.is_tls
    with pytest.raises(typer.Exit):
        read_settings(tls="auto", tls_cert=certificate, tls_key=key)


EVERY = Settings(
    host="::",
    port=1,
    database="postgresql://somewhere/hub",
    data=Path("/x"),
    storage="s3://bucket/hub",
    storage_from="files",
    s3_endpoint="https://s3.example",
    s3_region="eu-central-1",
    s3_path_style=False,
    s3_redirect=False,
    workers=3,
    url="https://hub",
    other_urls=("https://inside",),
    admin_password="secret",
    open=True,
    accept_sparse=True,
    default_visibility=Visibility.PUBLIC,
    tls="auto",
    tls_cert=Path("c"),
    tls_key=Path("k"),
    trusted_proxies=("10.0.0.0/8",),
    webhook_networks=("10.1.0.0/16",),
    secret_key="thirty-two characters or more of it",
    secret_key_file=Path("k"),
    upload_expiry=timedelta(seconds=1.5),
    grace=timedelta(seconds=2.5),
    collect_every=timedelta(seconds=3),
    scrub_every=timedelta(0),
    scrub_rate=7,
    collect_untagged_after=timedelta(days=90),
    idle_timeout=timedelta(seconds=9),
    cors_origins=("https://ui",),
    stop_delay=timedelta(seconds=5),
    pulls_per_minute=100,
    pushes_per_minute=10,
    requests_per_minute=1000,
    sign_up=SignUpMode.OPEN,
    oidc_issuer="https://id",
    oidc_client_id="hub",
    oidc_client_secret="secret",
    oidc_client_secret_file=Path("s"),
    oidc_name="Ours",
    oidc_sign_up=True,
    oidc_second_factor=True,
    oidc_scopes=("groups",),
    oidc_groups_claim="groups",
    oidc_sign_in_groups=("staff",),
    oidc_admin_groups=("admins",),
    oidc_networks=("10.2.0.0/16",),
    ldap_url="ldaps://ldap.example",
    ldap_kind=DirectoryKind.ACTIVE_DIRECTORY,
    ldap_start_tls=False,
    ldap_ca_file=Path("ca"),
    ldap_bind_dn="cn=hub,dc=example",
    ldap_bind_password="secret",
    ldap_bind_password_file=Path("p"),
    ldap_user_base="dc=example",
    ldap_user_filter="(uid={name})",
    ldap_name_attribute="cn",
    ldap_id_attribute="nsUniqueId",
    ldap_group_base="dc=example",
    ldap_group_filter="(member={dn})",
    ldap_sign_up=False,
    ldap_sign_in_groups=("cn=staff,dc=example",),
    ldap_admin_groups=("cn=admins,dc=example",),
    ldap_recheck=timedelta(hours=2),
    security_contact="mailto:security@example.org",
    log_format=LogFormat.TEXT,
    blob_sender=BlobSender.X_ACCEL_REDIRECT,
)


def test_a_worker_gets_every_setting_as_it_was_read() -> None:
    defaults = Settings(workers=7)
    for each in dataclasses.fields(Settings):
        assert getattr(EVERY, each.name) != getattr(defaults, each.name), each.name
    for handed in (EVERY, defaults):
        assert pickle.loads(pickle.dumps(handed)) == handed  # noqa: S301 - our own


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("ENTREPOT_STORGE", "ENTREPOT_STORAGE"),
        ("ENTREPOT_DATABASE_URL", "ENTREPOT_DATABASE"),
        ("entrepot_ulr", "ENTREPOT_URL"),
        ("ENTREPOT_WORKER", "ENTREPOT_WORKERS"),
        ("ENTREPOT_OIDC_SECRET_FILE", "ENTREPOT_OIDC_CLIENT_SECRET_FILE"),
        ("ENTREPOT__PORT", "ENTREPOT_PORT"),
    ],
)
@pytest.mark.parametrize("value", ["", "a value"])
def test_a_misspelt_variable_is_refused_with_the_nearest_name(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    nearest: str,
    value: str,
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(typer.Exit) as caught:
        read_settings()
    assert caught.value.exit_code == 2
    said = f"entrepot: {name.upper()} is not a setting: did you mean {nearest}?"
    assert capsys.readouterr().err.splitlines() == [said]


def test_a_variable_like_no_setting_is_refused_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ENTREPOT_QUITE_SOMETHING_ELSE", "1")
    with pytest.raises(typer.Exit):
        read_settings()
    assert "see docs/reference/settings.md" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name",
    [
        "SERVICE_HOST",
        "SERVICE_PORT",
        "SERVICE_PORT_HTTP",
        "PORT_5000_TCP",
        "PORT_5000_TCP_ADDR",
        "POSTGRESQL_SERVICE_HOST",
        "POSTGRESQL_PORT_5432_TCP_PROTO",
        "TEST_HUB",
    ],
)
def test_what_containers_are_told_of_services_is_no_misspelling(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(f"ENTREPOT_{name}", "tcp://10.0.0.1:5000")
    assert read_settings().port == 5000


@pytest.mark.parametrize(
    ("line", "nearest"), [("storge = 1", "storage"), ("worker = 2", "workers")]
)
def test_a_misspelt_line_is_refused_with_the_nearest_name(
    capsys: pytest.CaptureFixture[str], line: str, nearest: str
) -> None:
    Path("entrepot.toml").write_text(line)
    with pytest.raises(typer.Exit):
        read_settings()
    word = line.partition(" ")[0]
    said = f"entrepot: {word} is not a setting: did you mean {nearest}?"
    assert capsys.readouterr().err.splitlines() == [said]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("STORAGE", "s3:/bucket", "invalid value 's3:/bucket'. The storage for blobs: `files`"),
        ("STORAGE_FROM", "minio", "invalid value 'minio'. The previous storage"),
        ("S3_ENDPOINT", "minio:9000", "invalid value 'minio:9000'. The URL of the S3-compatible"),
        ("DATABASE", "mysql://a:quite-secret@b/c", "invalid value (hidden). The PostgreSQL data"),
        ("URL", "hub.example.org", "invalid value 'hub.example.org'. The public URL, such as"),
        ("TLS", "yes", "invalid value 'yes'. `auto`: serve HTTPS"),
        ("GRACE", "soon", "invalid duration 'soon': write PT1H for an hour"),
    ],
)
def test_a_value_that_is_not_possible_gets_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    words: str,
) -> None:
    monkeypatch.setenv(f"ENTREPOT_{name}", value)
    with pytest.raises(typer.Exit):
        read_settings()
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{name.lower()}: {words}" in line
    assert not any(each in line for each in ("^", "pattern", "quite-secret"))

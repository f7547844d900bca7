"""Writes what is made of the settings: the chart's schema, and deploy/entrepot.toml."""

import json
import textwrap
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from entrepot.settings import Settings

ROOT = Path(__file__).parents[1]
SCHEMA = ROOT / "deploy" / "chart" / "entrepot" / "values.schema.json"
EXAMPLE = ROOT / "deploy" / "entrepot.toml"
HEAD = """\
# Every setting, commented out, with its default or an example. `entrepot serve` reads
# entrepot.toml in the directory that it runs in; ENTREPOT_NAME in the environment and options of
# the command count before it.
"""
EXAMPLES = {
    "storage_from": '"files"',
    "s3_endpoint": '"https://s3.example.org"',
    "s3_region": '"eu-central-1"',
    "database": '"postgresql://entrepot@db.example.org/entrepot"',
    "url": '"https://hub.example.org"',
    "workers": "2",
    "admin_password": '"correct horse battery"',
    "tls": '"auto"',
    "tls_cert": '"/etc/ssl/hub/chain.pem"',
    "tls_key": '"/etc/ssl/hub/key.pem"',
    "collect_untagged_after": '"P30D"',
    "stop_delay": '"PT5S"',
    "pulls_per_minute": "1000",
    "pushes_per_minute": "200",
    "requests_per_minute": "6000",
    "security_contact": '"mailto:security@example.org"',
    "oidc_issuer": '"https://login.example.org/realms/main"',
    "oidc_client_id": '"entrepot"',
    "oidc_client_secret": '"…"',
    "secret_key": '"32 characters or more, such as openssl rand -hex 32 prints"',
    "secret_key_file": '"/run/secrets/entrepot"',
    "ldap_url": '"ldaps://ldap.example.org"',
    "ldap_ca_file": '"/etc/ssl/hub/directory.pem"',
    "ldap_bind_dn": '"cn=entrepot,ou=services,dc=example,dc=org"',
    "ldap_bind_password": '"…"',
    "ldap_bind_password_file": '"/run/secrets/ldap"',
    "ldap_user_base": '"ou=people,dc=example,dc=org"',
    "ldap_user_filter": '"(&(objectClass=person)(uid={name}))"',
    "ldap_name_attribute": '"uid"',
    "ldap_id_attribute": '"entryUUID"',
    "ldap_group_base": '"ou=groups,dc=example,dc=org"',
    "ldap_group_filter": '"(|(member={dn})(uniqueMember={dn}))"',
    "oidc_groups_claim": '"groups"',
    "oidc_client_secret_file": '"/run/secrets/oidc"',
}


def example_text() -> str:
    """The example file: each setting with what it means, and a line to take the comment from."""
    parts = [HEAD]
    for setting in fields(Settings):
        meaning = textwrap.fill(
            setting.metadata["help"], 98, initial_indent="# ", subsequent_indent="# "
        )
        value = EXAMPLES.get(setting.name) or _literal(_default(setting))
        parts.append(f"{meaning}\n# {setting.name} = {value}\n")
    return "\n".join(parts)


def schema_text() -> str:
    """The chart's schema, which takes settings by these names only."""
    schema = json.loads(SCHEMA.read_text())
    names = sorted(setting.name for setting in fields(Settings))
    schema["properties"]["settings"]["propertyNames"] = {"enum": names}
    return json.dumps(schema, indent=2) + "\n"


def _default(setting: Any) -> Any:
    return setting.default if setting.default is not MISSING else setting.default_factory()


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return json.dumps(list(value))
    if hasattr(value, "total_seconds"):
        return str(int(value.total_seconds()))
    if value is None:
        raise ValueError("a setting without a default needs an example")
    return json.dumps(str(value))


if __name__ == "__main__":
    SCHEMA.write_text(schema_text())
    EXAMPLE.write_text(example_text())

"""What is pushed into the hub that the browser visits: documents, files, evidence."""

import json
import os
from pathlib import Path
from typing import Final

README: Final = """\
# Demo chart

A chart that **shows** how it looks, with [a link](https://example.test/) and `code`.

## Values

| Key | Default | Meaning |
|---|---|---|
| replicaCount | 2 | how many there are |
| image.repository | nginx | what runs |

- [x] a task that is done
- [ ] one that is not

```yaml
replicaCount: 2
service: {type: ClusterIP, port: 80} # a comment
```

> Quoted for good measure.
"""
_VALUES: Final = {
    "$schema": "https://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {"replicaCount": {"type": "integer", "minimum": 0}},
}
_SPDX: Final = {
    "spdxVersion": "SPDX-2.3",
    "SPDXID": "SPDXRef-DOCUMENT",
    "dataLicense": "CC0-1.0",
    "name": "demo",
    "documentNamespace": "https://example.test/demo",
    "creationInfo": {"created": "2026-01-01T00:00:00Z", "creators": ["Tool: syft"]},
    "packages": [
        {
            "SPDXID": f"SPDXRef-{name}",
            "name": name,
            "versionInfo": version,
            "licenseConcluded": licence,
            "externalRefs": [
                {
                    "referenceCategory": "PACKAGE-MANAGER",
                    "referenceType": "purl",
                    "referenceLocator": f"pkg:deb/debian/{name}@{version}",
                }
            ],
        }
        for name, version, licence in (
            ("openssl", "3.0.2", "Apache-2.0"),
            ("zlib", "1.3.1", "Zlib"),
            ("busybox", "1.36.1", "GPL-2.0-only"),
        )
    ],
    "relationships": [
        {
            "spdxElementId": "SPDXRef-openssl",
            "relationshipType": "DEPENDS_ON",
            "relatedSpdxElement": "SPDXRef-zlib",
        }
    ],
}
_SARIF: Final = {
    "version": "2.1.0",
    "runs": [
        {
            "tool": {
                "driver": {
                    "name": "trivy",
                    "rules": [
                        {
                            "id": f"CVE-2024-{number}",
                            "properties": {"security-severity": score},
                            "helpUri": f"https://example.test/CVE-2024-{number}",
                        }
                        for number, score in enumerate(("9.8", "7.5", "5.0", "2.0"), 1)
                    ],
                }
            },
            "results": [
                {
                    "ruleId": f"CVE-2024-{number}",
                    "level": "error",
                    "message": {"text": f"weakness number {number} of openssl"},
                }
                for number in range(1, 5)
            ],
        }
    ],
}
_PROVENANCE: Final = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "demo", "digest": {"sha256": "0" * 64}}],
    "predicateType": "https://slsa.dev/provenance/v1",
    "predicate": {
        "buildDefinition": {
            "buildType": "https://example.test/build",
            "externalParameters": {"ref": "refs/heads/main"},
            "resolvedDependencies": [{"uri": "git+https://example.test/demo"}],
        },
        "runDetails": {"builder": {"id": "https://example.test/builder"}},
    },
}
EVIDENCE: Final = {
    "sbom.spdx.json": ("application/spdx+json", _SPDX),
    "report.sarif": ("application/sarif+json", _SARIF),
    "provenance.json": ("application/vnd.in-toto+json", _PROVENANCE),
}
"""File name to artifact type and document, for what is attached to the newest chart."""


def environment(home: Path) -> dict[str, str]:
    """The environment of somebody with an empty home."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return kept | {
        "HOME": str(home),
        "DOCKER_CONFIG": str(home / ".docker"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "XDG_RUNTIME_DIR": str(home),
    }


def write_chart_documents(chart: Path) -> None:
    """Give a chart that `helm create` wrote a README and a schema of its values."""
    (chart / "README.md").write_text(README)
    (chart / "values.schema.json").write_text(json.dumps(_VALUES, indent=2))


def write_files(directory: Path) -> None:
    """The files of volumes and of generic artifacts."""
    (directory / "myvolume.txt").write_text("a volume\n")
    (directory / "myartifact.txt").write_text("an artifact\n")
    (directory / "README.md").write_text("# Notes\n\nNothing *but* notes.\n")
    (directory / "settings.json").write_text('{"colour": "calm", "sizes": [1, 2, 3]}\n')
    (directory / "LICENSE").write_text("Do as you like.\n")
    (directory / "pictures" / "deep").mkdir(parents=True)
    (directory / "pictures" / "deep" / "leaf.txt").write_text("leaf\n")

"""Evidence whose every text is an attack: SBOMs, reports, statements."""

from tests.browser.attacks import Texts


def spdx(texts: Texts) -> dict[str, object]:
    """An SBOM in SPDX."""
    packages = [
        {
            "SPDXID": f"SPDXRef-{number}",
            "name": text,
            "versionInfo": texts.one(),
            "licenseConcluded": texts.one(),
            "licenseDeclared": texts.one(),
            "supplier": f"Organization: {texts.one()}",
            "externalRefs": [
                {"referenceType": "purl", "referenceLocator": f"pkg:npm/{texts.one()}"},
                {"referenceType": "purl", "referenceLocator": texts.one()},
            ],
        }
        for number, text in enumerate(texts.all())
    ]
    depends = [
        {
            "spdxElementId": f"SPDXRef-{number}",
            "relationshipType": "DEPENDS_ON",
            "relatedSpdxElement": f"SPDXRef-{number + 1}",
        }
        for number in range(len(packages) - 1)
    ]
    return {
        "spdxVersion": "SPDX-2.3",
        "name": texts.one(),
        "documentNamespace": texts.one(),
        "creationInfo": {"created": texts.one(), "creators": texts.several(5)},
        "packages": packages,
        "relationships": depends,
    }


def cyclonedx(texts: Texts) -> dict[str, object]:
    """An SBOM in CycloneDX, with vulnerabilities."""
    components = [
        {
            "type": "library",
            "bom-ref": str(number),
            "name": text,
            "version": texts.one(),
            "purl": texts.one(),
            "licenses": [{"license": {"name": texts.one(), "url": texts.one()}}],
        }
        for number, text in enumerate(texts.all())
    ]
    vulnerabilities = [
        {
            "id": each,
            "description": texts.one(),
            "source": {"name": texts.one(), "url": texts.one()},
            "ratings": [{"severity": texts.one(), "score": 5, "vector": texts.one()}],
            "analysis": {"state": texts.one(), "justification": texts.one()},
            "affects": [{"ref": "1"}],
        }
        for each in texts.several(100)
    ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "metadata": {"component": {"name": texts.one(), "type": "application"}},
        "components": components,
        "vulnerabilities": vulnerabilities,
    }


def sarif(texts: Texts) -> dict[str, object]:
    """A report of a scanner."""
    rules = [
        {
            "id": text,
            "name": texts.one(),
            "helpUri": texts.one(),
            "shortDescription": {"text": texts.one()},
            "properties": {"security-severity": "9.8", "tags": texts.several(2)},
        }
        for text in texts.all()
    ]
    results = [
        {
            "ruleId": text,
            "level": texts.one() if number % 2 else "error",
            "message": {"text": texts.one(), "markdown": texts.one()},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": texts.one()}}}],
        }
        for number, text in enumerate(texts.all())
    ]
    driver = {"name": texts.one(), "informationUri": texts.one(), "rules": rules}
    return {"version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def statement(texts: Texts) -> dict[str, object]:
    """A statement about how something was built."""
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": each, "digest": {"sha256": texts.one()}} for each in texts.several(5)],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": texts.one(),
                "externalParameters": {text: text for text in texts.all()},
                "resolvedDependencies": [{"uri": each} for each in texts.all()],
            },
            "runDetails": {
                "builder": {"id": texts.one()},
                "metadata": {"invocationId": texts.one(), "startedOn": texts.one()},
            },
        },
    }


def signature(texts: Texts) -> dict[str, object]:
    """What cosign signs, with attacks for claims."""
    return {
        "critical": {
            "identity": {"docker-reference": texts.one()},
            "image": {"docker-manifest-digest": texts.one()},
            "type": texts.one(),
        },
        "optional": {text: text for text in texts.all()},
    }

"""AI models and agents: ModelPack, KitOps, Docker's models, Ollama, agents, MCP, skills."""

from dataclasses import replace
from typing import Final

from entrepot.kinds.commands import Command, CommandTarget
from entrepot.kinds.descriptions import annotation_facts, config_facts, described
from entrepot.kinds.recognition.kind import Extractor, Family, Kind, Tab
from entrepot.kinds.recognition.manifest_view import ManifestView
from entrepot.kinds.recognition.predicates import all_of, any_of, configured, layered, noted, typed
from entrepot.kinds.recognition.simple import simple

_TABS: Final = (
    Tab.README,
    Tab.FILES,
    Tab.SIGNATURES,
    Tab.PACKAGES,
    Tab.PROVENANCE,
    Tab.CONFIG,
)
_MODEL: Final = Family.MODEL


def _with_hugging_face(kind: Kind) -> Kind:
    """The kind with Hugging Face's client, which knows of names with one slash only."""

    def commands(target: CommandTarget, view: ManifestView) -> tuple[Command, ...]:
        own = kind.commands(target, view)
        if target.repository.text.count("/") != 1:
            return own
        download = f"HF_ENDPOINT={target.url}/hf hf download {target.repository}"
        text = f"{download} --revision {target.tag or target.digest.hex[:40]} --local-dir ./model"
        note = "A model that is not public needs a token in HF_TOKEN."
        return (*own, Command("hf", "Download the files", text, note=note))

    return replace(kind, commands=commands)


MODELPACK: Final = simple(
    "modelpack",
    "AI model (ModelPack)",
    "AI models (ModelPack)",
    _MODEL,
    "model",
    any_of(
        typed("application/vnd.cncf.model.*"),
        layered("application/vnd.cncf.model.*"),
    ),
    [
        ("modctl", "Pull", "modctl pull{plain} {reference} --extract-dir ./model"),
        ("modctl", "Inspect", "modctl inspect{plain} --remote {reference}"),
        ("kit", "Pull", "kit pull{plain} {reference}"),
        ("docker", "Run", "docker model run {reference}"),
    ],
    config_facts(
        ("Name", "descriptor.name"),
        ("Version", "descriptor.version"),
        ("Family", "descriptor.family"),
        ("Licences", "descriptor.licenses"),
        ("Architecture", "config.architecture"),
        ("Format", "config.format"),
        ("Parameters", "config.paramSize"),
        ("Precision", "config.precision"),
        ("Quantisation", "config.quantization"),
        ("Capabilities", "config.capabilities"),
    ),
    tabs=_TABS,
    extractor=Extractor.MODEL,
    hub_type="model",
    describes=described(
        title="descriptor.name",
        version="descriptor.version",
        description="descriptor.description",
        licenses="descriptor.licenses",
        authors="descriptor.authors",
        vendor="descriptor.vendor",
        url="descriptor.docURL",
        source="descriptor.sourceURL",
        created="descriptor.createdAt",
    ),
)
KITOPS: Final = simple(
    "kitops",
    "KitOps ModelKit",
    "KitOps ModelKits",
    _MODEL,
    "model",
    any_of(
        typed("application/vnd.kitops.modelkit.*"), layered("application/vnd.kitops.modelkit.*")
    ),
    [
        ("kit", "Unpack", "kit unpack{plain} {reference} -d ./model"),
        ("kit", "Show", "kit info{plain} --remote {reference}"),
        ("kit", "Pull", "kit pull{plain} {reference}"),
    ],
    config_facts(
        ("Name", "package.name"),
        ("Version", "package.version"),
        ("Authors", "package.authors"),
        ("Licence", "package.license"),
        ("Model", "model.name"),
        ("Framework", "model.framework"),
        ("Description", "package.description"),
    ),
    tabs=_TABS,
    extractor=Extractor.MODEL,
    hub_type="model",
    describes=described(
        title="package.name",
        version="package.version",
        description="package.description",
        licenses="package.license",
        authors="package.authors",
    ),
)
DOCKER_MODEL: Final = simple(
    "docker-model",
    "AI model (Docker Model Runner)",
    "AI models (Docker Model Runner)",
    _MODEL,
    "model",
    any_of(
        typed("application/vnd.docker.ai.model.config.*"), layered("application/vnd.docker.ai.*")
    ),
    [
        ("docker", "Pull", "docker model pull {reference}"),
        ("docker", "Run", "docker model run {reference}"),
        (
            "docker",
            "Package your own",
            "docker model package --gguf model.gguf --push {reference}",
        ),
    ],
    config_facts(
        ("Format", "config.format"),
        ("Quantisation", "config.quantization"),
        ("Parameters", "config.parameters"),
        ("Architecture", "config.architecture"),
        ("Size", "config.size"),
        ("Context length", "config.context_size"),
    ),
    tabs=_TABS,
    extractor=Extractor.MODEL,
    hub_type="model",
    describes=described(created="descriptor.created"),
)
OLLAMA: Final = simple(
    "ollama",
    "Ollama model",
    "Ollama models",
    _MODEL,
    "model",
    any_of(
        layered("application/vnd.ollama.image.*"),
        all_of(configured("model_format", "model_family")),
    ),
    [
        ("ollama", "Pull", "ollama pull{plain} {reference}"),
        ("ollama", "Run", "ollama run{plain} {reference}"),
    ],
    config_facts(
        ("Format", "model_format"),
        ("Family", "model_family"),
        ("Parameters", "model_type"),
        ("Quantisation", "file_type"),
        ("Families", "model_families"),
    ),
    tabs=_TABS,
    extractor=Extractor.MODEL,
    hub_type="model",
)
AGENT: Final = simple(
    "docker-agent",
    "Docker agent",
    "Docker agents",
    _MODEL,
    "agent",
    typed("application/vnd.docker.agent.config.v*"),
    [
        ("docker", "Run", "docker agent run {reference}"),
        ("docker", "Pull", "docker agent share pull {reference}"),
    ],
    annotation_facts(
        ("Version", "io.docker.agent.version"), ("Built with", "io.docker.cagent.version")
    ),
    describes=described(version="@io.docker.agent.version"),
)
MCP_SERVER: Final = simple(
    "mcp-server",
    "MCP server",
    "MCP servers",
    _MODEL,
    "agent",
    typed("application/vnd.docker.mcp.server*"),
    [("docker", "Run the gateway", "docker mcp gateway run")],
)
MCP_CATALOG: Final = simple(
    "mcp-catalog",
    "MCP catalog",
    "MCP catalogs",
    _MODEL,
    "layers",
    typed("application/vnd.docker.mcp.catalog.*"),
    [("docker", "Pull", "docker mcp catalog pull {reference}")],
)
MCP_PROFILE: Final = simple(
    "mcp-profile",
    "MCP profile",
    "MCP profiles",
    _MODEL,
    "configuration",
    typed("application/vnd.docker.mcp.profile.*"),
    [("docker", "Pull", "docker mcp profile pull {reference}")],
)
SANDBOX: Final = simple(
    "sandbox-kit",
    "Docker sandbox kit",
    "Docker sandbox kits",
    _MODEL,
    "package",
    typed("application/vnd.docker.sandbox.kit.*"),
    [
        ("sbx", "Inspect", "sbx kit inspect {reference}"),
        ("sbx", "Run", "sbx run --kit {reference}"),
    ],
)
SKILL: Final = simple(
    "agent-skill",
    "Agent skill",
    "Agent skills",
    _MODEL,
    "agent",
    any_of(
        typed("dev.toolhive.skills.v*", "application/vnd.agent.skill.*"),
        layered("application/vnd.agent.skill.*"),
        noted("dev.toolhive.skills.*"),
    ),
    facts=annotation_facts(
        ("Name", "dev.toolhive.skills.name"),
        ("Version", "dev.toolhive.skills.version"),
        ("Description", "dev.toolhive.skills.description"),
        ("Name", "org.agent.skill.name"),
    ),
    tabs=_TABS,
    describes=described(
        title="@dev.toolhive.skills.name",
        version="@dev.toolhive.skills.version",
        description="@dev.toolhive.skills.description",
    ),
)
AGENT_PLUGIN: Final = simple(
    "agent-plugin",
    "Agent plugin",
    "Agent plugins",
    _MODEL,
    "plug",
    any_of(typed("dev.toolhive.plugins.v*"), noted("dev.toolhive.plugins.*")),
    facts=annotation_facts(
        ("Name", "dev.toolhive.plugins.name"), ("Version", "dev.toolhive.plugins.version")
    ),
    tabs=_TABS,
    describes=described(
        title="@dev.toolhive.plugins.name",
        version="@dev.toolhive.plugins.version",
        description="@dev.toolhive.plugins.description",
    ),
)

KINDS: Final[tuple[Kind, ...]] = (
    *(_with_hugging_face(kind) for kind in (MODELPACK, KITOPS, DOCKER_MODEL, OLLAMA)),
    AGENT,
    MCP_SERVER,
    MCP_CATALOG,
    MCP_PROFILE,
    SANDBOX,
    SKILL,
    AGENT_PLUGIN,
)

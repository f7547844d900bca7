"""Container images, indexes of them, and images that are something more."""

from collections.abc import Callable
from typing import Final

from entrepot.kinds import shell
from entrepot.kinds.commands import Command, CommandTarget, Language
from entrepot.kinds.descriptions import FactsOf, annotation_facts, config_facts, describe, facts_at
from entrepot.kinds.image_commands import commands
from entrepot.kinds.recognition.kind import Extractor, Fact, Family, Kind, Tab
from entrepot.kinds.recognition.manifest_view import ManifestView
from entrepot.kinds.recognition.platforms import real_children
from entrepot.kinds.recognition.predicates import (
    IMAGE_CONFIGS,
    Recognizes,
    all_of,
    annotated,
    annotated_as,
    any_of,
    is_image_layer,
    is_index,
    layered,
    normal,
    type_key,
    typed,
)
from entrepot.oci.media_types import DOCKER_LIST

_CONFIG: Final = (
    ("Entrypoint", "config.Entrypoint"),
    ("Command", "config.Cmd"),
    ("Working directory", "config.WorkingDir"),
    ("User", "config.User"),
    ("Ports", "config.ExposedPorts"),
    ("Volumes", "config.Volumes"),
    ("Stop signal", "config.StopSignal"),
    ("Health check", "config.Healthcheck.Test"),
    ("Author", "author"),
)
_IMAGE_TABS: Final = (
    Tab.PLATFORMS,
    Tab.LAYERS,
    Tab.FILES,
    Tab.PACKAGES,
    Tab.VULNERABILITIES,
    Tab.PROVENANCE,
    Tab.SIGNATURES,
    Tab.CONFIG,
)


def has_image_config(view: ManifestView) -> bool:
    """Say whether the config's type is an image's; that alone proves no image."""
    config = view.manifest.config
    return config is not None and normal(config.media_type) in IMAGE_CONFIGS


def is_image(view: ManifestView) -> bool:
    """Say whether it is a container image: by config, by every layer, and by `rootfs.diff_ids`."""
    layers = view.manifest.layers
    rootfs = view.config.get("rootfs")
    return (
        has_image_config(view)
        and type_key(view) in (*IMAGE_CONFIGS, "")
        and all(is_image_layer(layer.media_type) for layer in layers)
        and isinstance(rootfs, dict)
        and "diff_ids" in rootfs
    )


def is_image_index(view: ManifestView) -> bool:
    """Say whether it is an index of images: by what its children are.

    Where none of them is here, only Docker's own list proves anything: it holds nothing else.
    """
    if not is_index(view) or type_key(view):
        return False
    children = real_children(view)
    known = {each.kind for each in children if each.kind}
    if known:
        return known == {IMAGE.id} or (len(known) > 1 and known <= _IMAGES)
    return view.manifest.media_type == DOCKER_LIST and bool(children)


def _image(
    id_: str,
    name: str,
    plural: str,
    icon: str,
    recognizes: Recognizes,
    extra: Callable[[CommandTarget, ManifestView], tuple[Command, ...]],
    facts: FactsOf,
) -> Kind:
    """An image that is something more: its own commands come first."""

    def all_commands(target: CommandTarget, view: ManifestView) -> tuple[Command, ...]:
        return (*extra(target, view), *commands(target, view))

    def all_facts(view: ManifestView) -> tuple[Fact, ...]:
        return (*facts(view), *facts_at(view.config, _CONFIG))

    return Kind(
        id=id_,
        name=name,
        plural=plural,
        family=Family.IMAGE,
        icon=icon,
        recognizes=all_of(_may_be_image, recognizes),
        commands=all_commands,
        describe=describe,
        facts=all_facts,
        tabs=_IMAGE_TABS,
        extractor=Extractor.IMAGE,
        hub_type="image",
    )


def _may_be_image(view: ManifestView) -> bool:
    return is_index(view) or (
        has_image_config(view)
        and all(is_image_layer(each.media_type) for each in view.manifest.layers)
    )


def one(
    tool: str, title: str, template: str, language: Language = Language.SHELL
) -> Callable[[CommandTarget, ManifestView], tuple[Command, ...]]:
    """One command, from a template as `shell.filled` takes it."""

    def made(target: CommandTarget, view: ManifestView) -> tuple[Command, ...]:
        return (Command(tool, title, shell.filled(template, target, tool), language),)

    return made


DOCKER_PLUGIN: Final = Kind(
    id="docker-plugin",
    name="Docker engine plugin",
    plural="Docker engine plugins",
    family=Family.IMAGE,
    icon="plug",
    recognizes=typed("application/vnd.docker.plugin.v*"),
    commands=lambda target, view: (
        Command("docker", "Install", f"docker plugin install {target.reference}"),
        Command("docker", "Look first", f"docker plugin install --disable {target.reference}"),
        *shell.with_oras(target),
        *shell.with_crane(target),
    ),
    describe=describe,
    facts=config_facts(
        ("Description", "description"),
        ("Entrypoint", "entrypoint"),
        ("Network", "network.type"),
        ("Mounts", "mounts"),
        ("Socket", "interface.socket"),
        ("Capabilities", "linux.capabilities"),
        ("Mount propagation", "propagatedMount"),
        ("Documentation", "documentation"),
    ),
    tabs=(Tab.LAYERS, Tab.FILES, Tab.CONFIG),
    extractor=Extractor.IMAGE,
    hub_type="plugin",
)

SPECIAL_IMAGES: Final = (
    _image(
        "docker-extension",
        "Docker Desktop extension",
        "Docker Desktop extensions",
        "plug",
        annotated("com.docker.desktop.extension.api.version"),
        one("docker", "Install", "docker extension install {reference}"),
        annotation_facts(
            ("Extension API", "com.docker.desktop.extension.api.version"),
            ("Publisher", "com.docker.extension.publisher-url"),
            ("Categories", "com.docker.extension.categories"),
        ),
    ),
    _image(
        "mcp-server-image",
        "MCP server image",
        "MCP server images",
        "terminal",
        annotated("io.modelcontextprotocol.server.name"),
        one("docker", "Start the server", "docker run -i --rm {reference}"),
        annotation_facts(("Server", "io.modelcontextprotocol.server.name")),
    ),
    _image(
        "olm-bundle",
        "OLM operator bundle",
        "OLM operator bundles",
        "package",
        annotated("operators.operatorframework.io.bundle.*"),
        one("operator-sdk", "Run", "operator-sdk run bundle{plain} {reference}"),
        annotation_facts(
            ("Package", "operators.operatorframework.io.bundle.package.v1"),
            ("Channels", "operators.operatorframework.io.bundle.channels.v1"),
            ("Default channel", "operators.operatorframework.io.bundle.channel.default.v1"),
        ),
    ),
    _image(
        "olm-catalog",
        "OLM catalog",
        "OLM catalogs",
        "layers",
        annotated("operators.operatorframework.io.index.*"),
        one("opm", "Render", "opm render{plain} {reference}"),
        annotation_facts(("Configs", "operators.operatorframework.io.index.configs.v1")),
    ),
    _image(
        "buildpack",
        "Buildpack",
        "Buildpacks",
        "package",
        annotated("io.buildpacks.buildpackage.metadata"),
        one("pack", "Build with it", "pack build app --buildpack {reference}{plain}"),
        annotation_facts(),
    ),
    _image(
        "buildpacks-builder",
        "Buildpacks builder",
        "Buildpacks builders",
        "package",
        annotated("io.buildpacks.builder.metadata"),
        one("pack", "Build with it", "pack build app --builder {reference}{plain}"),
        annotation_facts(("Stack", "io.buildpacks.stack.id")),
    ),
    _image(
        "buildpacks-app",
        "Application built by buildpacks",
        "Applications built by buildpacks",
        "image",
        annotated("io.buildpacks.lifecycle.metadata", "io.buildpacks.build.metadata"),
        one("pack", "Inspect", "pack inspect {reference}"),
        annotation_facts(("Stack", "io.buildpacks.stack.id")),
    ),
    _image(
        "backstage-plugins",
        "Backstage dynamic plugins",
        "Backstage dynamic plugins",
        "plug",
        annotated("io.backstage.dynamic-packages"),
        one(
            "backstage",
            "In dynamic-plugins.yaml",
            "plugins:\n  - package: oci://{reference}!PLUGIN",
            Language.YAML,
        ),
        annotation_facts(),
    ),
    _image(
        "bootc",
        "Bootable host (bootc)",
        "Bootable hosts (bootc)",
        "machine",
        annotated("containers.bootc", "ostree.bootable"),
        one("bootc", "Switch to it", "bootc switch {reference}"),
        annotation_facts(("Kernel", "ostree.linux")),
    ),
    _image(
        "flatpak",
        "Flatpak",
        "Flatpaks",
        "package",
        annotated("org.flatpak.ref"),
        one("flatpak", "Add the remote", "flatpak remote-add {name} oci+{scheme}://{host}"),
        annotation_facts(
            ("Ref", "org.flatpak.ref"), ("Installed size", "org.flatpak.installed-size")
        ),
    ),
    _image(
        "ramalama-model",
        "RamaLama model image",
        "RamaLama model images",
        "model",
        annotated_as("org.containers.type", "ai.image.model.*"),
        one("ramalama", "Run", "ramalama run{plain} oci://{reference}"),
        annotation_facts(("Form", "org.containers.type")),
    ),
    _image(
        "imgpkg-bundle",
        "Carvel bundle",
        "Carvel bundles",
        "package",
        any_of(
            annotated_as("dev.carvel.imgpkg.bundle", "true"),
            annotated("dev.carvel.imgpkg.copy.root-bundle"),
        ),
        one("imgpkg", "Pull", "imgpkg pull{plain} -b {reference} -o bundle"),
        annotation_facts(),
    ),
)

CHECKPOINT: Final = Kind(
    id="checkpoint",
    name="Container checkpoint",
    plural="Container checkpoints",
    family=Family.MACHINE,
    icon="clock",
    recognizes=any_of(
        layered("application/vnd.containerd.container.*"),
        lambda view: any(
            normal(each.descriptor.media_type).startswith("application/vnd.containerd.container.")
            for each in view.children
        ),
        annotated("io.podman.annotations.checkpoint.*", "org.criu.checkpoint.*"),
    ),
    commands=shell.inspect_only,
    describe=describe,
    facts=annotation_facts(),
    tabs=(Tab.FILES,),
)

IMAGE: Final = Kind(
    id="image",
    name="Container image",
    plural="Container images",
    family=Family.IMAGE,
    icon="image",
    recognizes=any_of(is_image, is_image_index),
    commands=commands,
    describe=describe,
    facts=config_facts(*_CONFIG),
    tabs=_IMAGE_TABS,
    extractor=Extractor.IMAGE,
    hub_type="image",
)

_IMAGES: Final = frozenset(
    {"image", *(each.id for each in SPECIAL_IMAGES), "spin-app", "nydus-image"}
)

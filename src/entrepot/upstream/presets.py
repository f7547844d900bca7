"""Well-known registries: where they are, and which hosts may ask for credentials in their name."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Preset:
    """The address of a registry, and the hosts of its token services beside its own."""

    url: str
    token_hosts: tuple[str, ...] = ()


PRESETS: Final = {
    "docker.io": Preset("https://registry-1.docker.io", ("auth.docker.io",)),
    "ghcr.io": Preset("https://ghcr.io"),
    "quay.io": Preset("https://quay.io"),
    "registry.k8s.io": Preset("https://registry.k8s.io"),
    "gcr.io": Preset("https://gcr.io"),
    "mcr.microsoft.com": Preset("https://mcr.microsoft.com"),
    "public.ecr.aws": Preset("https://public.ecr.aws"),
    "nvcr.io": Preset("https://nvcr.io", ("authn.nvidia.com",)),
    "registry.redhat.io": Preset("https://registry.redhat.io", ("sso.redhat.com",)),
    "registry.gitlab.com": Preset("https://registry.gitlab.com", ("gitlab.com",)),
}
"""By the host of image names, which is what mirrors of them answer to."""

"""Layers without a title have a name all the same, where anything says one."""

import pytest

from entrepot.kinds.layer_names import layer_name


@pytest.mark.parametrize(
    ("media_type", "annotations", "name"),
    [
        (
            "application/vnd.docker.compose.file+yaml",
            {"com.docker.compose.file": "x.yaml"},
            "x.yaml",
        ),
        ("application/vnd.docker.compose.file+yaml", {}, "layer-3.yaml"),
        ("application/vnd.x+yaml", {"io.kyverno.image.name": "labels"}, "labels.yaml"),
        ("application/vnd.x", {"org.cncf.model.filepath": "a/b/model.gguf"}, "model.gguf"),
        ("application/vnd.x", {"dev.tekton.image.name": "build"}, "build.yaml"),
        ("application/vnd.x+json; charset=utf-8", {}, "layer-3.json"),
        ("text/markdown", {}, "layer-3.md"),
        ("application/vnd.oci.image.layer.v1.tar+gzip", {}, ""),
        ("application/octet-stream", {"com.docker.compose.file": "a\nb"}, ""),
    ],
)
def test_a_layer_is_called(media_type: str, annotations: dict[str, str], name: str) -> None:
    assert layer_name(media_type, annotations, 3) == name

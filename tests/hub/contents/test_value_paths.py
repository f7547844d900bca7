"""Default values of charts by their paths."""

import time

from hypothesis import given
from hypothesis import strategies as st

from entrepot.hub.contents.value_paths import default_values, value_paths

VALUES = """\
# How many there are.
replicaCount: 2  # of them
image:
  repository: nginx
  tag: "1.27 # stable"
  pullPolicy: IfNotPresent

service: {type: ClusterIP, port: 80}
"quoted key": yes
podAnnotations: {}
empty:
env:
  - name: A
    value: b: c
  - name: B
script: |
  key: not a key
  # nor a comment
  done
resources:
  limits:
    cpu: 100m
"""


def test_values_are_found_by_their_paths() -> None:
    assert value_paths(VALUES) == {
        "replicaCount": "2",
        "image.repository": "nginx",
        "image.tag": '"1.27 # stable"',
        "image.pullPolicy": "IfNotPresent",
        "service": "{type: ClusterIP, port: 80}",
        "quoted key": "yes",
        "podAnnotations": "{}",
        "empty": "",
        "env": "- name: A\nvalue: b: c\n- name: B",
        "script": "|\nkey: not a key\ndone",
        "resources.limits.cpu": "100m",
    }


def test_deep_and_long_texts_cost_little() -> None:
    deep = "\n".join(f"{' ' * number}a{number}:" for number in range(2000))
    began = time.perf_counter()
    value_paths(deep)
    value_paths("a: &a [" * 100_000)
    value_paths("a:\n" * 300_000)
    assert time.perf_counter() - began < 5


@given(st.text(alphabet="ab:- #\"'|\n{}."))
def test_any_text_is_read(text: str) -> None:
    value_paths(text)


def test_values_have_the_comments_above_them() -> None:
    text = """\
# A licence, which is about no value.

# -- How many there are,
# at least one.
replicas: 2
## @param image.tag The version that runs
## @section nothing
image:
  # Where it comes from.
  repository: nginx
  tag: "1"
"""
    found = {each.path: each.comment for each in default_values(text)}
    assert found == {
        "replicas": "How many there are, at least one.",
        "image.repository": "Where it comes from.",
        "image.tag": "The version that runs",
    }

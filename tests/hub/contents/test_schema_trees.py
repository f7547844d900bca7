"""Schemas as rows of a tree."""

import json

from hypothesis import given
from hypothesis import strategies as st

from entrepot.hub.contents.schema_trees import SchemaRow, schema_rows

SCHEMA = {
    "$defs": {"port": {"type": "integer", "minimum": 1, "maximum": 65535}},
    "required": ["replicas"],
    "properties": {
        "replicas": {"type": "integer", "default": 2, "description": "How many pods run."},
        "service": {
            "type": "object",
            "properties": {
                "port": {"$ref": "#/$defs/port"},
                "type": {"enum": ["ClusterIP", "NodePort"]},
            },
        },
        "env": {"type": ["array", "null"], "items": {"properties": {"name": {"type": "string"}}}},
    },
}


def test_properties_come_before_those_within_them() -> None:
    assert schema_rows(json.dumps(SCHEMA)) == [
        SchemaRow(0, "replicas", "integer", True, "2", "", "How many pods run."),
        SchemaRow(0, "service", "object", False, "", "", ""),
        SchemaRow(1, "port", "integer", False, "", "minimum 1, maximum 65535", ""),
        SchemaRow(1, "type", "", False, "", "ClusterIP | NodePort", ""),
        SchemaRow(0, "env", "array, null", False, "", "", ""),
        SchemaRow(1, "name", "string", False, "", "", ""),
    ]


def test_a_schema_that_refers_to_itself_ends() -> None:
    endless = {"properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}}
    assert 0 < len(schema_rows(json.dumps(endless))) <= 500
    assert schema_rows('{"properties": {"a": {"$ref": "#/properties/a"}}}') != []


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(),
        lambda x: (
            st.lists(x)
            | st.dictionaries(
                st.sampled_from(
                    ["properties", "items", "type", "enum", "required", "$ref", "default"]
                ),
                x,
            )
        ),
    )
)
def test_anything_else_has_rows_or_none(value: object) -> None:
    assert isinstance(schema_rows(json.dumps(value)), list)
    assert schema_rows("{") == []

"""The door for programs: `/api/v1`, described by its own OpenAPI document."""

"""The door of Docker Hub's clients: a part of its API below `/hub/v2`."""

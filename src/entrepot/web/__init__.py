"""The door of people: pages."""

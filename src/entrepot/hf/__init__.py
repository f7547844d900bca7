"""The door of model libraries: what Hugging Face's clients read, below `/hf`."""

"""The sentences of the assistant: text in one file per language. compose.py puts a reply together from them."""

from domain.sentences.registry import apology_text, rejected_text, spoken

__all__ = ["apology_text", "rejected_text", "spoken"]

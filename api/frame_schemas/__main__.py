"""Writes the schema anew, after a change of api/frames.py: python -m api.frame_schemas"""

from api.frame_schemas import SCHEMA_FILE, generated_schema

SCHEMA_FILE.write_text(generated_schema())

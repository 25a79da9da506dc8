"""The JSON Schema of the frames, for clients and tests. Made from api/frames.py."""

import json
from pathlib import Path
from typing import Final

from api.frames import FRAME

SCHEMA_FILE: Final = Path(__file__).with_name("frames-1.0.json")


def generated_schema() -> str:
    schema = FRAME.json_schema(mode="serialization")
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Frames 1.0", **schema}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"

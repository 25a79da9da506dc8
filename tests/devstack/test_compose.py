import re
from pathlib import Path

from devstack.temporal_server import SEARCH_ATTRIBUTES

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "docker-compose.temporal.yml").read_text()
DOCUMENT = (ROOT / "docs" / "deploy.md").read_text()


def test_every_variable_is_documented():
    """Whoever deploys finds in docs/deploy.md each variable that the compose file takes."""
    variables = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", COMPOSE))
    assert variables
    assert {name for name in variables if f"`{name}`" not in DOCUMENT} == set()


def test_no_secret_has_a_default():
    """What is needed and was not written stops the start; what is optional is empty; no secret is in the file."""
    assert re.findall(r"\$\{[A-Z_]*(?:PASSWORD|SECRET|KEY)(?!\w)(?!:\?|:-\})", COMPOSE) == []
    assert re.findall(r"(?:PASSWORD|SECRET|_KEY|_PWD): (?!\*|&?\w* ?\"\$\{)", COMPOSE) == []


def test_ports_are_published_on_loopback_only():
    """No service of the file can be reached from another machine."""
    published = re.findall(r"ports: \[\"(.*?)\"\]", COMPOSE)
    assert len(published) == COMPOSE.count("ports:") > 0
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_search_attributes_are_registered():
    """Temporal on PostgreSQL knows the same attributes as the embedded server."""
    registered = dict(re.findall(r"--name (\w+) --type (\w+)", COMPOSE))
    assert registered == SEARCH_ATTRIBUTES


def test_every_image_is_pinned_and_listed():
    """No image floats, and the document says of each that it was not run."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    images = re.findall(r"image: ([\w/-]+):(\S+)", COMPOSE) + re.findall(
        r"^FROM ([\w/-]+):(\S+)", dockerfile, re.M
    )
    for name, tag in set(images) - {("islanders", "local")}:
        assert re.match(r"\d+\.\d+", tag)
        assert f"| `{name}` | `{tag}` | not run here |" in DOCUMENT

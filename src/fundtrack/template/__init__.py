"""The templates: workbooks that finance staff fill, built from the schemas, checked while typed."""

from fundtrack.template.book import Content, build
from fundtrack.template.choice import KINDS, chosen, modules
from fundtrack.template.fill import content

__all__ = ["KINDS", "Content", "build", "chosen", "content", "modules"]

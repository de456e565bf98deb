"""The templates: workbooks that finance staff fill, built from the schemas, checked while typed."""

from fundtrack.template.book import Content, build
from fundtrack.template.choice import KINDS, chosen, modules
from fundtrack.template.fill import content
from fundtrack.template.make import Made, make

__all__ = ["KINDS", "Content", "Made", "build", "chosen", "content", "make", "modules"]

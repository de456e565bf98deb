"""Elements of XML parts: made in the namespace and at the place that the schema asks for."""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree

from fundtrack.ooxml import local


def serialise(root: etree._Element) -> bytes:
    """Give the bytes of a part, with the declaration that Excel writes."""
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)


def like(root: etree._Element, name: str) -> str:
    """Give the name in the namespace of another element, which may have none."""
    namespace = etree.QName(root).namespace
    return f"{{{namespace}}}{name}" if namespace else name


def insert(root: etree._Element, name: str, order: tuple[str, ...]) -> etree._Element:
    """Give a new child of that name at its place in the schema's order."""
    element = etree.Element(like(root, name))
    later: Mapping[str, int] = {n: i for i, n in enumerate(order)}
    position = next((i for i, e in enumerate(root) if later.get(local(e), -1) > later[name]), None)
    root.insert(len(root) if position is None else position, element)
    return element


def renamed(element: etree._Element, namespace: str | None) -> etree._Element:
    """Give a copy whose elements are in `namespace`, without the declarations of its source."""
    name = f"{{{namespace}}}{local(element)}" if namespace else local(element)
    copy = etree.Element(name, {str(k): str(v) for k, v in element.attrib.items()})
    copy.text = element.text
    for inner in element:
        copy.append(renamed(inner, namespace))
    return copy


def drop(element: etree._Element) -> None:
    """Take an element out of its parent, if it has one."""
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)

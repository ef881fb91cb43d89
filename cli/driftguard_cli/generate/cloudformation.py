"""CloudFormation's short forms (`!Ref`, `!GetAtt`, `!Sub`, `!If`), and YAML as people write it."""

from __future__ import annotations

from collections.abc import Iterable

import yaml


class _Tagged(str):
    """A value behind a CloudFormation short form."""

    tag: str


class Sub(_Tagged):
    """`!Sub`: a text with references in it."""

    tag = "!Sub"


class SubText(_Tagged):
    """`!Sub` of several lines, which stay lines."""

    tag = "!Sub"


class GetAtt(_Tagged):
    """`!GetAtt`: an attribute of a resource, `Resource.Attribute`."""

    tag = "!GetAtt"


class Ref(_Tagged):
    """`!Ref`: a resource, a parameter or a pseudo parameter."""

    tag = "!Ref"


class Form(list[object]):
    """A short form that takes a list."""

    tag: str


class If(Form):
    """`!If`: a condition's name, what holds with it, and what holds without it."""

    tag = "!If"


class SubWith(Form):
    """`!Sub` with variables of its own: a text, and what they stand for."""

    tag = "!Sub"


class Select(Form):
    """`!Select`: a number, and the list to take the element from."""

    tag = "!Select"


class Split(Form):
    """`!Split`: what stands between the elements, and the text that is split."""

    tag = "!Split"


class _Dumper(yaml.SafeDumper):
    """YAML as people write it: block style, lists indented, no anchors."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        return super().increase_indent(flow, False)


def _represent(dumper: yaml.SafeDumper, value: _Tagged) -> yaml.Node:
    return dumper.represent_scalar(value.tag, str(value))


def _represent_text(dumper: yaml.SafeDumper, value: SubText) -> yaml.Node:
    return dumper.represent_scalar(value.tag, str(value), style="|")


def _represent_form(dumper: yaml.SafeDumper, value: Form) -> yaml.Node:
    return dumper.represent_sequence(value.tag, list(value), flow_style=True)


for _kind in (Sub, GetAtt, Ref):
    _Dumper.add_representer(_kind, _represent)
_Dumper.add_representer(SubText, _represent_text)
for _form in (If, SubWith, Select, Split):
    _Dumper.add_representer(_form, _represent_form)


def by_stack(text: str) -> SubWith:
    """Return a text in which `${Id}` is this stack's own: 12 digits that no other stack has.

    Source: AWS CloudFormation User Guide, "Pseudo parameters reference" (`AWS::StackId` ends with a
    UUID).
    """
    uuid = Select([2, Split(["/", Ref("AWS::StackId")])])
    return SubWith([text, {"Id": Select([4, Split(["-", uuid])])}])


def lines_of(block: object) -> Iterable[str]:
    """The lines of a block of a template."""
    return yaml.dump(block, Dumper=_Dumper, sort_keys=False, width=100).splitlines()

"""Prints a message's topic: topics.py TEMPLATE MODULE MESSAGE JSON."""

import importlib
import re
import sys
from urllib.parse import quote

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor

NEVER = (FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_BYTES)


def text(message, path):
    """Returns the value of the field that path leads to."""
    *parents, name = path.split(".")
    for parent in parents:
        message = getattr(message, parent)  # one that is not set has the default values
    field = message.DESCRIPTOR.fields_by_name[name]
    if field.label == field.LABEL_REPEATED or field.message_type or field.type in NEVER:
        raise TypeError(f"{path} cannot be part of a topic")
    value = getattr(message, name)
    if field.enum_type:
        for known in field.enum_type.values:  # as declared: of aliases, the first one
            if known.number == value:
                return known.name
    return str(value).lower() if isinstance(value, bool) else str(value)


def topic(template, message):
    pieces, out = re.split(r"\{(.*?)\}", template), ""
    for i, piece in enumerate(pieces):
        if i % 2:
            delimiter = pieces[i + 1][:1]
            piece = quote(text(message, piece), safe="")
            if delimiter:
                piece = piece.replace(delimiter, f"%{ord(delimiter):02X}")
        out += piece
    return out


kind = getattr(importlib.import_module(sys.argv[2]), sys.argv[3])
print(topic(sys.argv[1], json_format.Parse(sys.argv[4], kind())))

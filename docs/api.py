#!/usr/bin/python3
"""Writes the API reference from the comments of the protos.

usage: docs/api.py DESCRIPTOR_SET OUTPUT_FOLDER

DESCRIPTOR_SET is what protoc writes with --include_source_info; one Markdown page per package goes to OUTPUT_FOLDER.
"""
import os
import sys

from google.protobuf import descriptor_pb2

TYPES = {
    1: "double", 2: "float", 3: "int64", 4: "uint64", 5: "int32", 8: "bool", 9: "string", 12: "bytes", 13: "uint32",
}
FIELD, NESTED, ENUM_IN_MESSAGE = 2, 3, 4  # Field numbers in DescriptorProto.
MESSAGE, ENUM, SERVICE = 4, 5, 6  # Field numbers in FileDescriptorProto.


def comments_of(file):
    return {tuple(l.path): " ".join(l.leading_comments.split()) for l in file.source_code_info.location}


def type_of(field):
    name = field.type_name.lstrip(".").rsplit(".", 1)[-1] if field.type_name else TYPES.get(field.type, "?")
    return ("repeated " if field.label == 3 else "optional " if field.proto3_optional else "") + name


def cell(text):
    return text.replace("|", "\\|")


def write_message(out, message, path, comments, prefix=""):
    if message.options.map_entry:
        return
    out.append(f"\n### {prefix}{message.name}\n\n{comments.get(path, '')}\n")
    if message.field:
        out.append("\n| field | type | meaning |\n| --- | --- | --- |\n")
        for i, field in enumerate(message.field):
            out.append(f"| `{field.name}` | {type_of(field)} | {cell(comments.get(path + (FIELD, i), ''))} |\n")
    for i, enum in enumerate(message.enum_type):
        write_enum(out, enum, path + (ENUM_IN_MESSAGE, i), comments, f"{prefix}{message.name}.")
    for i, nested in enumerate(message.nested_type):
        write_message(out, nested, path + (NESTED, i), comments, f"{prefix}{message.name}.")


def write_enum(out, enum, path, comments, prefix=""):
    out.append(f"\n### {prefix}{enum.name}\n\n{comments.get(path, '')}\n\n| value | meaning |\n| --- | --- |\n")
    for i, value in enumerate(enum.value):
        out.append(f"| `{value.name}` | {cell(comments.get(path + (2, i), ''))} |\n")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    files = descriptor_pb2.FileDescriptorSet()
    with open(sys.argv[1], "rb") as source:
        files.ParseFromString(source.read())
    pages = {}
    for file in files.file:
        if not file.package.startswith("milepost."):
            continue
        out = pages.setdefault(file.package, [f"# {file.package}\n"])
        comments = comments_of(file)
        out.append(f"\n## {os.path.basename(file.name)}\n\n{comments.get((2,), '')}\n")
        for s, service in enumerate(file.service):
            out.append(f"\n### {service.name}\n\n{comments.get((SERVICE, s), '')}\n")
            for m, method in enumerate(service.method):
                request = ("stream " if method.client_streaming else "") + method.input_type.rsplit(".", 1)[-1]
                response = ("stream " if method.server_streaming else "") + method.output_type.rsplit(".", 1)[-1]
                out.append(f"\n#### {method.name}({request}) returns ({response})\n\n"
                           f"{comments.get((SERVICE, s, 2, m), '')}\n")
        for i, message in enumerate(file.message_type):
            write_message(out, message, (MESSAGE, i), comments)
        for i, enum in enumerate(file.enum_type):
            write_enum(out, enum, (ENUM, i), comments)
    os.makedirs(sys.argv[2], exist_ok=True)
    for package, out in sorted(pages.items()):
        with open(os.path.join(sys.argv[2], package + ".md"), "w", encoding="utf-8") as page:
            page.write("".join(out))
    print(f"{len(pages)} pages in {sys.argv[2]}")


if __name__ == "__main__":
    main()

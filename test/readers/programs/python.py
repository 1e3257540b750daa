"""Decoders of Python: `python.py WAY FOLDER PORT LAYOUT...` prints a line of JSON for each layout."""

import hashlib
import io
import json
import sys

way, folder, port, *layouts = sys.argv[1:]


def file(name):
    with open(f"{folder}/{name}", "rb") as opened:
        return opened.read()


if way == "zstd":
    import zstd

    read = zstd.decompress
else:
    import zstandard

    known = zstandard.ZstdCompressionDict(file("dictionary.dict"))
    decoder = zstandard.ZstdDecompressor(dict_data=known)
    if way == "decompress":
        read = decoder.decompress
    else:

        def read(data):
            with decoder.stream_reader(io.BytesIO(data), read_across_frames=True) as reader:
                return reader.read()


if way == "redis":
    import redis

    client = redis.Redis(port=int(port))

for layout in layouts:
    data = file(layout)
    if way == "redis":
        client.set(layout, data)
        data = client.get(layout)
    try:
        # A value that was not compressed does not begin with the magic number of a frame.
        value = data if way == "redis" and data[:4] != b"\x28\xb5\x2f\xfd" else read(data)
        line = {"layout": layout, "size": len(value), "sha256": hashlib.sha256(value).hexdigest()}
    except Exception as error:
        line = {"layout": layout, "error": str(error)}
    print(json.dumps(line))

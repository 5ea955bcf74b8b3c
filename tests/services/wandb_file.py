"""Read what W&B has written of a run without a server: W&B itself brings no reader for Python."""

import struct

BLOCK = 32768


def read_records(path):
    """Return the records of a `.wandb` file: pieces with a head of checksum, length and kind, as in LevelDB's log."""
    from wandb.proto import wandb_internal_pb2 as messages

    with open(path, "rb") as file:
        data = file.read()
    assert data.startswith(b":W&B")
    at, whole, found = 7, b"", []
    while at < len(data):
        if BLOCK - at % BLOCK < 7:  # no room for a head: the rest of the block is empty
            at += BLOCK - at % BLOCK
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in {1, 4}:  # the whole record, or its last piece
            record = messages.Record()
            record.ParseFromString(whole)
            found.append(record)
            whole = b""
    return found

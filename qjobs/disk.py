"""What files take on the disk, and taking that back."""

import os
import stat
from pathlib import Path

_BLOCK_BYTES = 512  # that of `st_blocks`, whatever the file system's own is


def used_bytes(path: Path) -> int:
    """The room that a file, or a folder with all that is in it, takes; 0 for what is not there.

    As `du` counts it. Links are not followed, and what cannot be looked at counts as nothing.
    """
    return _used(os.fspath(path))


def _used(path: str) -> int:
    try:
        found = os.lstat(path)
        size_bytes = _size(found)
        if stat.S_ISDIR(found.st_mode):
            with os.scandir(path) as entries:
                size_bytes += sum(_used(entry.path) for entry in entries)
    except OSError:
        return 0
    return size_bytes


def _size(found: os.stat_result) -> int:
    blocks = getattr(found, "st_blocks", None)
    return found.st_size if blocks is None else blocks * _BLOCK_BYTES


def remove(path: Path) -> int:
    """Remove a file, or a folder with all that is in it, and give the bytes that this freed.

    What is not there is no error, and links are not followed. Raises OSError.
    """
    size_bytes = used_bytes(path)
    try:
        if path.is_dir() and not path.is_symlink():
            # Imported here: commands that only look remove nothing.
            import shutil

            shutil.rmtree(path)
        else:
            path.unlink()
    except FileNotFoundError:
        # Somebody else removes it, too; of a folder, what they have left is theirs to remove.
        return 0
    return size_bytes

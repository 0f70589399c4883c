"""Objects below an address (``s3://bucket/prefix/*.jsonl``) through fsspec, one at a time in a private folder.

Credentials come from the environment or the machine's role, never from the map. Chained addresses
(``simplecache::…``) and addresses of this machine's own files are refused.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from compliance.provenance.connectors import Place, SourceChanged
from compliance.provenance.connectors.borrowed import package
from compliance.rules.errors import ConfigurationError, NotAllowed, SourceUnreachable

_PROTOCOLS = {"s3": "s3fs", "gs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}


@dataclass(frozen=True)
class Version:
    """One stored version of an object, or the marker of its deletion."""

    key: str
    id: str
    newest: bool
    marker: bool


class Bucket:
    """The objects of one place."""

    def __init__(self, filesystem: Any, path: str, place: Place) -> None:
        self._files, self._path, self._place = filesystem, path, place

    def paths(self) -> list[str]:
        """Every object, in a fixed order; ``SourceUnreachable`` when there is none."""
        if any(character in self._path for character in "*?["):
            found = self._files.glob(self._path)
        else:
            found = self._files.find(self._path)
        names = sorted(str(name) for name in found if not str(name).endswith("/"))
        if not names:
            raise SourceUnreachable(f"{self._place.name}: there is no object at this address.")
        return names

    def mark(self, name: str) -> str:
        """What changes whenever the object does."""
        return str(self._files.info(name, refresh=True).get("ETag") or self._files.checksum(name))

    def size(self, name: str) -> int:
        """Bytes as stored."""
        return int(self._files.info(name)["size"])

    def notes(self, name: str) -> list[str]:
        """What somebody wrote beside the object (``x-amz-meta-…``), where the store tells it."""
        told = getattr(self._files, "metadata", None)
        return [str(part) for pair in told(name).items() for part in pair] if told else []

    def fetch(self, name: str, folder: Path) -> Path:
        """The object as a file of the same last name."""
        target = folder / (PurePosixPath(name).name or "object")
        self._files.get_file(name, str(target))
        return target

    def put(self, file: Path, name: str, *, mark: str) -> None:
        """Exchange the object, if it still is what was read."""
        if self.mark(name) != mark:
            raise SourceChanged(f"{self._place.name}: an object was changed by somebody else while it was rewritten.")
        self._files.put_file(str(file), name)
        self._files.invalidate_cache()

    def remove(self, name: str) -> None:
        """Delete the object."""
        self._files.rm_file(name)
        self._files.invalidate_cache()

    def versions(self) -> list[Version]:
        """Every stored version below the address; none where the store keeps no versions or does not tell."""
        if not hasattr(self._files, "s3"):
            return []
        bucket, _, prefix = self._path.partition("/")
        prefix = prefix.split("*")[0].split("?")[0].split("[")[0]
        found, more = [], {"Bucket": bucket, "Prefix": prefix}
        while more:
            answer = self._files.call_s3("list_object_versions", **more)
            for field, marker in (("Versions", False), ("DeleteMarkers", True)):
                for entry in answer.get(field) or ():
                    found.append(Version(f"{bucket}/{entry['Key']}", entry["VersionId"], entry["IsLatest"], marker))
            more = (
                {
                    "Bucket": bucket,
                    "Prefix": prefix,
                    "KeyMarker": answer["NextKeyMarker"],
                    "VersionIdMarker": answer.get("NextVersionIdMarker", ""),
                }
                if answer.get("IsTruncated")
                else {}
            )
        return found

    def version_bytes(self, version: Version) -> bytes:
        """The content of one version."""
        bucket, _, key = version.key.partition("/")
        answer = self._files.call_s3("get_object", Bucket=bucket, Key=key, VersionId=version.id)
        from fsspec.asyn import sync

        return bytes(sync(self._files.loop, answer["Body"].read))

    def remove_version(self, version: Version) -> bool:
        """Delete one version for good; false where a lock or hold forbids it."""
        bucket, _, key = version.key.partition("/")
        try:
            self._files.call_s3("delete_object", Bucket=bucket, Key=key, VersionId=version.id)
        except OSError:
            return False
        return True


@contextmanager
def opened(place: Place) -> Iterator[Bucket]:
    """The objects of a place; the store's errors said in our own words."""
    protocol, mark, path = place.location.partition("://")
    if not mark or protocol not in _PROTOCOLS or "::" in place.location:
        raise ConfigurationError(
            f"{place.name}: the location is no object store's address.",
            remedy=f"Begin it with one of {', '.join(_PROTOCOLS)} and ://, without chains.",
        )
    package(_PROTOCOLS[protocol], place)
    import fsspec

    endpoint = str(place.options.get("endpoint_url") or "")
    options = {"client_kwargs": {"endpoint_url": endpoint}} if endpoint else {}
    try:
        yield Bucket(fsspec.filesystem(protocol, skip_instance_cache=True, **options), path.strip("/"), place)
    except PermissionError:
        raise NotAllowed(
            f"{place.name}: the store does not let this account do it.",
            next_action="Grant the rights that docs/systems.md lists for this connector.",
        ) from None
    except (OSError, ValueError) as error:
        raise SourceUnreachable(f"{place.name}: the store does not answer ({type(error).__name__}).") from None


@contextmanager
def folder() -> Iterator[Path]:
    """A private folder that goes with the block."""
    with tempfile.TemporaryDirectory(prefix="oubli-objects-") as name:
        yield Path(name)

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from laambda.build import slab, slug, zipformat
from laambda.build.tree import AppFile
from tests.unit.build.wheelhouse import stored, wheel

names = st.text(st.characters(categories=("L", "N"), include_characters="-_ "), min_size=1, max_size=12).map(str.strip)
files = st.dictionaries(names.filter(bool), st.one_of(st.binary(max_size=300), st.just(b"x" * 5000)), max_size=12)


@settings(max_examples=25, deadline=None)
@given(dependencies=files, mine=files)
def test_zipfile_reads_back_any_set_of_files(dependencies: dict[str, bytes], mine: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        wheels = stored(root / "cache", pkg=wheel("pkg", files=dependencies))
        app = []
        for number, (name, content) in enumerate(sorted(mine.items())):
            path = root / str(number)
            path.write_bytes(content)
            app.append(AppFile(name, path, 0o644))
        base = slab.make(wheels, root / "cache")
        base = slab.make(wheels, root / "cache", slug.shadowed(base, app))
        found = slug.write_tail(base, app, root / "tail")
        slug.assemble(base, root / "tail", root / "out.zip")
        with zipfile.ZipFile(root / "out.zip") as archive:
            assert archive.testzip() is None
            read = {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}
        assert read == {**dependencies, **mine}
        assert len(base.contents().names) + len(mine) == found.count


@given(st.binary(max_size=2000))
def test_what_is_packed_unpacks_to_the_same(content: bytes) -> None:
    entry, data = zipformat.pack("a", content, 0o644)
    whole = entry.header() + data + entry.directory(0)
    whole += zipformat.end_of_directory(1, len(entry.directory(0)), len(entry.header()) + len(data))
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert archive.read("a") == content
    assert len(data) <= len(content)

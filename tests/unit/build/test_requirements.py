from __future__ import annotations

from pathlib import Path

import pytest

from laambda.build.requirements import Requirements, read_project, read_requirements
from laambda.errors import BuildFailed


def read(tree: Path, text: str, **others: str) -> Requirements:
    (tree / "requirements.txt").write_text(text)
    for name, content in others.items():
        (tree / name).write_text(content)
    return read_requirements(tree)


def test_names_versions_extras_and_markers_are_read(tmp_path: Path) -> None:
    found = read(tmp_path, "requests==2.32.3 # why\n\n# no\nhttpx[http2]>=0.27 ; python_version > '3.8'\n")
    assert found.wanted == ("requests==2.32.3", 'httpx[http2]>=0.27; python_version > "3.8"')


def test_included_files_and_constraints_are_followed(tmp_path: Path) -> None:
    found = read(tmp_path, "-r base.txt\n-cpins.txt\nb\n", **{"base.txt": "a\n-r requirements.txt", "pins.txt": "a<2"})
    assert (found.wanted, found.constraints) == (("a", "b"), ("a<2",))


def test_continued_lines_with_hashes_are_read(tmp_path: Path) -> None:
    digest = "0" * 64
    found = read(tmp_path, f"Six==1.17 \\\n    --hash=sha256:{digest}\n")
    assert (found.wanted, found.hashes, found.pinned) == (("Six==1.17",), {"six": frozenset({digest})}, True)


@pytest.mark.parametrize(
    "line",
    [
        "-e .", "--editable=.", ".", "./lib", "/opt/lib", "~/lib", "six @ file:///tmp/six", "file:six.whl", "lib.whl",
        "six @ ./six", "git+https://host.example/six.git", "six @ git+ssh://git@host.example/six", "--no-binary :all:",
        "https://host.example/six.tar.gz", "six @ https://host.example/six-1-py3-none-any.whl", "-f links",
        "six==1 --config-settings=a=b", "six --global-option=x", "$(touch x)", "${HOME}", "-x", "--build-constraint a",
        "-r ../other.txt", "-r gone.txt", "-r " + "x" * 5000, "six; " + "(" * 1900,
    ],
)  # fmt: skip
def test_what_could_run_code_or_leave_the_tree_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    with pytest.raises(BuildFailed, match=r"^requirements\.txt line 2: |^requirements\.txt line 2 "):
        read(tmp_path, f"a\n{line}\n")


@pytest.mark.parametrize(
    "line",
    [
        r"""six; platform_release != 'a"\x27'""", r'six; platform_release != "\ud800"',
        r'six; platform_release != "a\nb"', 'six; platform_release != "\u00e9"', "flask===", "flask===not-a-version",
    ],
)  # fmt: skip
def test_what_uv_could_read_otherwise_than_we_do_is_no_requirement(tmp_path: Path, line: str) -> None:
    with pytest.raises(BuildFailed, match=r"^requirements\.txt line 2: .* is not a requirement"):
        read(tmp_path, f"a\n{line}\n")


@pytest.mark.parametrize(
    "url", ["http://pypi.example/simple", "https://10.0.0.1/simple", "https://localhost/s", "https://[::1]/s"]
)
def test_an_index_inside_our_network_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(BuildFailed, match="is not a public https:// index"):
        read(tmp_path, f"--index-url {url}\na\n")


def test_a_password_in_an_index_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match="line 1 holds a password") as caught:
        read(tmp_path, "--extra-index-url=https://jane:hunter2@pypi.example/simple\na\n")
    assert "hunter2" not in str(caught.value)


def test_public_indexes_are_kept_and_part_of_the_digest(tmp_path: Path) -> None:
    plain = read(tmp_path, "a\n")
    other = read(tmp_path, "--extra-index-url https://pypi.example/simple\na\n")
    assert other.extra_indexes == ("https://pypi.example/simple",)
    assert plain.digest() != other.digest()


def test_comments_and_order_do_not_change_the_digest(tmp_path: Path) -> None:
    assert read(tmp_path, "a\nb\n").digest() == read(tmp_path, "# hi\nb\n\na  # there\n").digest()


def test_a_static_project_is_read_without_building_it() -> None:
    assert read_project({"project": {"dependencies": ["six>=1"]}}).wanted == ("six>=1",)


def test_dynamic_dependencies_would_need_the_projects_code() -> None:
    with pytest.raises(BuildFailed, match="computes its dependencies"):
        read_project({"project": {"dynamic": ["dependencies"]}})

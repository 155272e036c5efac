"""Archives are looked through before a byte is written: what is not honest stays packed."""

import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biclip_bench.benchmark.preparing.archive_safety import HARMLESS_BYTES, Limits, safe_name
from biclip_bench.benchmark.preparing.sources import open_source
from biclip_bench.errors import UserError


def zip_of(path, entries, **kwargs):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **kwargs) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def tar_of(path, members, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def contents(source):
    return {path: file.read() for path, file in source.take(list(source.files))}


FILES = {"set/images/a.png": b"first", "set/masks/a.png": b"second", "set/images/\u00fcbung \u7247.png": b"third"}


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.xz"])
def test_an_archive_holds_what_its_folder_holds(tmp_path, kind):
    folder = tmp_path / "folder"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    path = tmp_path / f"set.{kind}"
    if kind == "zip":
        zip_of(path, FILES.items())
    else:
        with tarfile.open(path, f"w:{kind.partition('.')[2]}") as archive:
            archive.add(folder, ".")
    expected = open_source(folder)
    found = open_source(path)
    assert found.files == expected.files == {name: len(content) for name, content in sorted(FILES.items())}
    assert contents(found) == contents(expected) == FILES


@pytest.mark.parametrize(
    "name", ["../evil.png", "a/../../evil.png", "/etc/evil.png", "..\\evil.png", "C:\\evil.png", "C:evil.png"]
)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_names_that_lead_out_are_refused(tmp_path, name, kind):
    made = zip_of if kind == "zip" else tar_of
    path = made(tmp_path / f"set.{kind}", [("images/a.png", b"x"), (name, b"y")])
    with pytest.raises(UserError, match="leads out of the folder"):
        open_source(path)
    assert [left.name for left in tmp_path.iterdir()] == [f"set.{kind}"]


@given(st.text(alphabet=st.sampled_from("ab./\\:C\x00\n "), max_size=12))
def test_a_name_that_passes_stays_inside(name):
    try:
        safe = safe_name(name, "set.zip")
    except UserError:
        return
    assert (Path("/inside") / safe).resolve().is_relative_to("/inside")
    assert safe == Path(safe).as_posix()
    assert "\\" not in safe


def entry_of_kind(mode):
    info = zipfile.ZipInfo("images/b.png")
    info.create_system = 3
    info.external_attr = mode << 16
    return info


@pytest.mark.parametrize(("mode", "word"), [(stat.S_IFLNK | 0o777, "a link"), (stat.S_IFCHR | 0o644, "a special file")])
def test_links_and_devices_in_a_zip_are_refused(tmp_path, mode, word):
    path = zip_of(tmp_path / "set.zip", [("images/a.png", b"x"), (entry_of_kind(mode), b"/etc/passwd")])
    with pytest.raises(UserError, match=f"'images/b.png' of set.zip is {word}"):
        open_source(path)


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (tarfile.SYMTYPE, "a link"), (tarfile.LNKTYPE, "a link"), (tarfile.CHRTYPE, "a special file"),
        (tarfile.FIFOTYPE, "a special file"),
    ],
)  # fmt: skip
def test_links_and_devices_in_a_tar_are_refused(tmp_path, kind, word):
    info = tarfile.TarInfo("images/b.png")
    info.type, info.linkname = kind, "../../etc/passwd"
    with tarfile.open(tmp_path / "set.tar", "w") as archive:
        archive.addfile(info)
    with pytest.raises(UserError, match=word):
        open_source(tmp_path / "set.tar")


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_a_bomb_is_refused_unless_the_limits_are_raised(tmp_path, kind):
    made = zip_of if kind == "zip" else tar_of
    zeros = bytes(HARMLESS_BYTES // 8)
    path = made(tmp_path / f"bomb.{kind}", [(f"images/{number}.bmp", zeros) for number in range(9)])
    assert path.stat().st_size < HARMLESS_BYTES / 500
    with pytest.raises(UserError, match=r"more than 100 times its own size.*--raise-limits"):
        open_source(path)
    assert len(open_source(path, 12).files) == 9


def test_the_three_limits():
    limits = Limits()
    limits.check("a", packed=1, unpacked=HARMLESS_BYTES, files=500_000)
    limits.check("a", packed=10**9, unpacked=100 * 10**9, files=1)
    for packed, unpacked, files, word in (
        (10**12, 100 * 10**9 + 1, 1, "100 GB"), (1, 1, 500_001, "500,000 files"), (10**6, 3 * 10**8, 1, "100 times"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=word):
            limits.check("a", packed=packed, unpacked=unpacked, files=files)
        Limits(10).check("a", packed=packed, unpacked=unpacked, files=files)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("first", "second"),
    [("images/a.png", "images/a.png"), ("images/a.png", "Images/A.png"), ("\u00fc.png", "u\u0308.png")],
)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_names_that_are_there_twice_are_refused(tmp_path, first, second, kind):
    made = zip_of if kind == "zip" else tar_of
    path = made(tmp_path / f"set.{kind}", [(first, b"x"), (second, b"y")])
    with pytest.raises(UserError, match="twice"):
        open_source(path)


@pytest.mark.parametrize("left", [0.3, 0.9])
@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_a_truncated_archive_is_to_be_downloaded_again(tmp_path, kind, left):
    made = zip_of if kind == "zip" else tar_of
    path = made(tmp_path / f"set.{kind}", [(f"images/{number}.png", os.urandom(5000)) for number in range(5)])
    whole = path.read_bytes()
    path.write_bytes(whole[: int(left * len(whole))])
    with pytest.raises(UserError, match=r"not whole or not one.*download it again"):
        open_source(path)


def test_names_in_utf8_without_the_flag_that_says_so(tmp_path):
    # As macOS and Linux write them: the flag is bit 11 of both headers of an entry.
    path = zip_of(tmp_path / "set.zip", [("images/\u00fcbung.png", b"x")])
    raw = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = raw.index(magic) + offset
        raw[place : place + 2] = (int.from_bytes(raw[place : place + 2], "little") & ~0x800).to_bytes(2, "little")
    path.write_bytes(raw)
    source = open_source(path)
    assert contents(source) == {"images/\u00fcbung.png": b"x"}


def test_what_desktops_leave_behind_is_not_part_of_it(tmp_path):
    entries = ["images/a.png", "__MACOSX/images/._a.png", "images/.DS_Store", "images/Thumbs.db"]
    assert list(open_source(zip_of(tmp_path / "set.zip", [(name, b"x") for name in entries])).files) == ["images/a.png"]


def test_links_to_folders_are_followed_once(tmp_path):
    (tmp_path / "set" / "images").mkdir(parents=True)
    (tmp_path / "set" / "images" / "a.png").write_bytes(b"x")
    (tmp_path / "set" / "images" / "again").symlink_to(tmp_path / "set")
    assert list(open_source(tmp_path / "set").files) == ["images/a.png"]


def test_other_files_are_told_what_would_be_right(tmp_path):
    (tmp_path / "set.rar").write_bytes(b"Rar!")
    with pytest.raises(UserError, match="no folder, zip or tar archive"):
        open_source(tmp_path / "set.rar")
    with pytest.raises(UserError, match="no file or folder"):
        open_source(tmp_path / "nothing.zip")

"""``corrupt --verify``: a release that is whole passes, and whatever was done to it is named."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def release(written_release, tmp_path) -> Path:
    return shutil.copytree(written_release, tmp_path / "release")


def verify(cli, release: Path, *more: object):
    done = cli("corrupt", "--verify", release, *more, cwd=release.parent)
    assert "Traceback" not in done.stderr
    return done


def edit(release: Path, change: Callable[[dict], None]) -> None:
    path = release / "manifest.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def one(release: Path, pattern: str = "motion/severity-5/*.png") -> Path:
    return min(release.glob(pattern))


def test_a_whole_release_passes(cli, release):
    (release / ".DS_Store").write_bytes(b"left by a file browser")
    done = verify(cli, release)
    assert done.returncode == 0, done.stderr
    assert "47 of 47" in done.stdout
    assert hashlib.sha256((release / "manifest.json").read_bytes()).hexdigest() in done.stdout


def flip_a_bit(release: Path) -> str:
    path = one(release)
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    return f"1 changed (motion/severity-5/{path.name})"


def change_the_table(release: Path) -> str:
    path = release / "cases.csv"
    path.write_text(path.read_text().replace("lung", "kidney"))
    return "1 changed (cases.csv)"


def delete(release: Path) -> str:
    path = one(release)
    path.unlink()
    return f"1 missing (motion/severity-5/{path.name})"


def add(release: Path) -> str:
    (release / "masks" / "extra.png").write_bytes(b"")
    return "1 added (masks/extra.png)"


def rename(release: Path) -> str:
    path = one(release)
    path.rename(path.with_name("renamed.png"))
    return f"1 missing (motion/severity-5/{path.name}); 1 added (motion/severity-5/renamed.png)"


def link_within(release: Path) -> str:
    (release / "more").symlink_to(release / "masks", target_is_directory=True)
    return "1 added (more)"


@pytest.mark.parametrize("plant", [flip_a_bit, change_the_table, delete, add, rename, link_within])
def test_what_was_done_to_it_is_named(cli, release, plant):
    message = plant(release)
    done = verify(cli, release)
    assert done.returncode == 2
    assert f"is not whole: {message}" in done.stderr
    assert "Files as listed" in done.stdout


def set_path(path: str) -> Callable[[Path], None]:
    return lambda release: edit(release, lambda content: content["files"][0].update(path=path))


def link_out(release: Path) -> None:
    outside = release.parent / "outside.png"
    path = one(release)
    path.rename(outside)
    path.symlink_to(outside)


def link_folder_out(release: Path) -> None:
    (release / "masks").rename(release.parent / "masks")
    (release / "masks").symlink_to(release.parent / "masks", target_is_directory=True)


@pytest.mark.parametrize(
    ("plant", "message"),
    [
        (set_path("../secret.txt"), "'../secret.txt' is no plain path"),
        (set_path("masks/../../secret.txt"), "is no plain path"),
        (set_path("/etc/passwd"), "'/etc/passwd' is no plain path"),
        (set_path("C:\\secret.txt"), "is no plain path"),
        (set_path("./cases.csv"), "is no plain path"),
        (set_path("manifest.json"), "is no plain path"),
        (link_out, "symbolic link that leads out of the release"),
        (link_folder_out, "symbolic link that leads out of the release"),
        (lambda release: (release / "manifest.json").unlink(), "holds no manifest.json"),
        (lambda release: (release / "manifest.json").write_bytes(b"\xff{"), "cannot be read"),
        (lambda release: (release / "manifest.json").write_text("[" * 200_000), "cannot be read"),
        (lambda release: (release / "manifest.json").write_text("[]"), "is no manifest of a release"),
        (lambda release: edit(release, lambda content: content.update(schema_version=2)), "schema version 2"),
        (lambda release: edit(release, lambda content: content["files"][3].update(sha256="0")), "files.3.sha256"),
        (lambda release: edit(release, lambda content: content.pop("conditions")), "conditions"),
        (lambda release: edit(release, lambda content: content["files"].append(content["files"][0])), "twice"),
    ],
)
def test_a_manifest_that_cannot_be_trusted_is_refused(within, release, plant, message):
    (release.parent / "secret.txt").write_text("not to be read")
    plant(release)
    done = verify(within, release)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Files as listed" not in done.stdout


def test_this_machine_makes_the_same_images_again(within, release, release_place):
    done = within("corrupt", "--verify", release, "--recompute", cwd=release_place)
    assert done.returncode == 0, done.stderr
    # Six images and a mask for each of six cases.
    assert "42 of 42 images and masks are the same bits" in done.stdout


def test_another_data_set_is_no_ground_for_recomputing(within, release, release_place):
    done = within("corrupt", "--verify", release, "--recompute", "--patients", "1,1,1", cwd=release_place)
    assert done.returncode == 2
    assert "with the fingerprint" in done.stderr


def test_images_that_this_machine_makes_otherwise_are_named(within, release, release_place):
    """Put a case's image at severity 5 in the place of that at severity 1, with all digests right."""
    mild, strong = one(release, "motion/severity-1/*.png"), one(release)
    mild.write_bytes(strong.read_bytes())
    names = [path.relative_to(release).as_posix() for path in (mild, strong)]

    def change(content: dict) -> None:
        files = {file["path"]: file for file in content["files"]}
        for key in ("bytes", "sha256", "pixels_sha256"):
            files[names[0]][key] = files[names[1]][key]

    edit(release, change)
    assert verify(within, release).returncode == 0
    done = within("corrupt", "--verify", release, "--recompute", cwd=release_place)
    assert done.returncode == 2
    assert "1 of 42 differ" in done.stderr
    assert names[0] in done.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.update(suite_version="0"), "version 0 of the corruption suite"),
        (
            lambda content: content["conditions"][0]["severities"][0]["parts"][0].update(version=0),
            "severity 1, has other",
        ),
        (lambda content: content["conditions"][0].update(name="moton"), "Did you mean 'motion'?"),
        (lambda content: content["dataset"].update(options={}), "rounded to 16 bits"),
    ],
)
def test_what_cannot_be_compared_is_not_recomputed(within, release, release_place, change, message):
    edit(release, change)
    done = within("corrupt", "--verify", release, "--recompute", cwd=release_place)
    assert done.returncode == 2
    assert message in done.stderr

"""The data set cats_vs_dogs: Microsoft's Kaggle photographs, as a folder of class folders.

The archive holds 12,500 photographs of each class, a few of them broken. As in the course chapter, the first 1000
readable ones of each class are for training and the next 100 for the test (`--set images_per_class=N|all` for others).
https://www.microsoft.com/en-us/download/details.aspx?id=54765
"""

import itertools
import re
import secrets
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

from device import command, text
from device.errors import UserError
from device.images import images
from train.datasets import named_data
from train.environment.keras_home import keras_home

NAME = "cats_vs_dogs"
ARCHIVE = "kagglecatsanddogs_5340.zip"
URL = f"https://download.microsoft.com/download/3/E/1/3E1C3F21-ECDB-4869-8368-6DEBA77B919F/{ARCHIVE}"
# As TensorFlow Datasets has it (image_classification/cats_vs_dogs, checksums).
SHA256 = "b7974bd00a84a99921f36ee4403f089853777b5ae8d151c76a86e64900334af9"
ENTRY = re.compile(r"PetImages/(Cat|Dog)/(\d{1,6})\.jpg")
CLASSES = ("Cat", "Dog")


def data_name(count: int) -> str:
    """cats_vs_dogs, or another name, and so another cache, for another number of images (0: all)."""
    return NAME if count == 1000 else f"{NAME}_{count or 'all'}"


def is_name(data: str) -> bool:
    return re.fullmatch(rf"{NAME}(_all|_[1-9]\d{{0,4}})?", data) is not None


def provide(name: str) -> Path:
    """The folder with train/ and test/ of cat/ and dog/, unpacked if needed; UserError says what to do."""
    number = name.removeprefix(NAME).lstrip("_") or "1000"
    count = 0 if number == "all" else int(number)
    datasets = keras_home() / "datasets"
    folder = datasets / name
    if folder.is_dir():
        return folder
    archive = _archive(datasets / ARCHIVE)
    command.say(f"unpacking {archive} …")
    temporary = datasets / f".{folder.name}.{secrets.token_hex(4)}"
    try:
        broken = _unpack(archive, temporary, count)
        temporary.rename(folder)
    except (zipfile.BadZipFile, EOFError) as error:
        raise UserError(f"{archive}: can't be unpacked ({error}); remove it, then run the command again") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    if broken:
        command.say(f"note: {len(broken)} broken images left out: {text.some(broken)}")
    return folder


def _archive(path: Path) -> Path:
    if path.is_file():
        return path

    def fetch() -> None:
        import keras

        command.say(f"downloading {ARCHIVE} (825 MB) …")
        where = {"cache_dir": str(keras_home()), "cache_subdir": "datasets"}
        keras.utils.get_file(ARCHIVE, URL, file_hash=SHA256, hash_algorithm="sha256", **where)

    try:
        named_data.download(fetch)
    except named_data.NotHereError as error:
        path.unlink(missing_ok=True)  # Keras keeps a file with a wrong hash, and the next command would use it
        raise UserError(
            f"the data set {NAME} was not found; tried {path} (no such file), a download by Keras ({error})."
            f" Put {ARCHIVE} from {URL} into {path.parent}, or give a folder with --data DIR"
        ) from None
    return path


def _unpack(archive: Path, folder: Path, count: int) -> list[str]:
    """Writes the first `count` readable images of each class, and a tenth as many for the test; returns the broken
    ones."""
    broken: list[str] = []
    with zipfile.ZipFile(archive) as opened:
        for name in CLASSES:
            good = _readable(opened, name, broken)
            wanted = count + max(1, count // 10) if count else None
            whole = list(itertools.islice(good, wanted))
            if len(whole) < (wanted or 2):
                raise UserError(
                    f"{archive}: {len(whole)} readable images of {name}, expected {wanted or 'two'} or more"
                )
            for_training = count or len(whole) - max(1, len(whole) // 11)
            train, test = whole[:for_training], whole[for_training:]
            for split, entries in (("train", train), ("test", test)):
                target = folder / split / name.lower()
                target.mkdir(parents=True)
                for entry in entries:
                    # Uses only the entry's file name, so that an archive can't write anywhere else.
                    (target / Path(entry.filename).name).write_bytes(opened.read(entry))
    return broken


def _readable(opened: zipfile.ZipFile, name: str, broken: list[str]) -> Iterator[zipfile.ZipInfo]:
    """The class' readable entries by number; adds the others to `broken`."""
    matched = ((ENTRY.fullmatch(entry.filename), entry) for entry in opened.infolist())
    mine = {int(match[2]): entry for match, entry in matched if match and match[1] == name}
    for _, entry in sorted(mine.items()):
        try:
            images.decode(opened.read(entry))
        except ValueError:
            broken.append(entry.filename)
        else:
            yield entry

"""The image cache: every image decoded and resized once, through device's image path.

    CACHE/NAME-FINGERPRINT-HxW-FIT/{train,test}.npy   uint8, n x height x width x 3
    CACHE/NAME-FINGERPRINT-HxW-FIT/index.json         labels, split, content hash and origin of each image

Written to a temporary folder and renamed, so a cache is complete or missing. `device/data/folders.py` reads it.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from device import command, files
from device.data import cache_index, folders
from device.data.cache_index import CachedSplit, CacheIndex, SplitSettings
from device.data.content import hash_files
from device.data.folders import Cache, File, Folder
from device.errors import UserError
from device.host import system
from device.images import images
from device.images.images import Pixels, Size
from device.model.card import Fit
from device.places import is_folder
from train.data import array_file, cache_folder, copies
from train.data.copies import Separated
from train.data.split import A_FIFTH, Rows, held_out, test_share
from train.data.streams import Purpose, generator
from train.datasets import class_folders, named_data, pet_images
from train.recipes.recipe import DataRecipe


@dataclass(frozen=True)
class DataRequest:
    """The requested images and size. test, seed: for a folder without splits, which is split here.

    test: the share of the test; 0: depends on the number of images (train/data/split.py).
    """

    data: str
    size: Size
    fit: Fit = "crop"
    test: float = 0.2
    seed: int = 1
    skip_bad: bool = False
    allow_copies: bool = False  # even if so many are left out that the data must be at fault

    @classmethod
    def of(cls, recipe: DataRecipe, skip_bad: bool, allow_copies: bool = False) -> "DataRequest":
        data = recipe.data
        test = data.test_split if data.test_split or recipe.can_cross_validate else A_FIFTH
        return cls(data.name, data.image_size, data.fit, test, data.seed, skip_bad, allow_copies)


@dataclass(frozen=True)
class SourceImage:
    """An image for the cache: its origin, its content hash, and the index of its label.

    validates: it comes from the folder's own validation/.
    """

    origin: str
    content_hash: str
    target: int
    validates: bool = False


def provide(request: DataRequest) -> Cache:
    """The cache for a request, created if needed. UserError if the data can't be found or used."""
    if not is_folder(request.data):
        # Another name may be that of somebody's folder, which isn't here.
        is_known = class_folders.is_data_set(request.data)
        if is_known and (found := folders.find_cache(request.data, request.size, request.fit)):
            return found
        # Without a place for the cache, fail before fetching anything.
        files.check_writable(folders.cache_root(), "FRAMELITE_CACHE=DIR")
        if not pet_images.is_name(request.data):
            return _from_named(request)
        return _from_folder(replace(request, data=str(pet_images.provide(request.data))), request.data)
    root = Path(request.data).resolve()
    return _from_folder(request, class_folders.cache_name(root))


def _from_named(request: DataRequest) -> Cache:
    data = named_data.load(request.data)
    splits = {"train": data.train, "test": data.test}
    digest = hashlib.sha256("\n".join(data.labels).encode())
    for part in splits.values():
        digest.update(part.images.tobytes())
        digest.update(part.targets.tobytes())
    fingerprint = digest.hexdigest()[:12]
    with cache_folder.making(_place(request.data, fingerprint, request)) as folder:
        sources = {}
        for split, part in splits.items():
            rgb = (np.broadcast_to(p[..., None], (*p.shape[:2], 3)) if p.ndim == 2 else p for p in part.images)
            preprocessed = (images.preprocess(np.ascontiguousarray(p), request.size, request.fit) for p in rgb)
            _write(folder / f"{split}.npy", preprocessed, len(part.targets), request.size, f"{request.data} {split}")
            sources[split] = [
                SourceImage(f"{split}/{i}", folders.content_hash(image.tobytes()), int(target))
                for i, (image, target) in enumerate(zip(part.images, part.targets, strict=True))
            ]
        cache_index.write(folder, _index(request, request.data, fingerprint, data.labels, data.origin, sources))
    return _opened(request.data, fingerprint, request)


def _from_folder(request: DataRequest, name: str) -> Cache:
    root = Path(request.data).resolve()
    folder = folders.read_folder(root)
    for note in class_folders.notes(folder):
        command.say(f"note: {note}")
    class_folders.check(folder)
    request = replace(request, test=test_share(request.test, len(folder.files)))
    sources = _hash_files(folder)
    separated = _split(folder, sources, request)
    kept = separated.rows
    rows = {"train": np.concatenate([kept["train"], kept["validation"]]), "test": kept["test"]}
    parts = {split: [folder.files[row] for row in rows[split]] for split in cache_index.SPLITS}
    digest = hashlib.sha256()
    for split, members in parts.items():
        for file in members:
            part = file.split if file.split == "validation" else split
            line = f"{part}\0{file.label}\0{file.path.relative_to(root)}\0{sources[file.path]}\n"
            digest.update(os.fsencode(line))  # names from old archives may not be UTF-8
    fingerprint = digest.hexdigest()[:12]
    found = folders.open_cache(_place(name, fingerprint, request))
    if found and (request.skip_bad or not found.index.skipped):
        return found
    with cache_folder.making(_place(name, fingerprint, request)) as target:
        written, bad = _write_folder(target, folder, parts, sources, request)
        index = _index(request, name, fingerprint, folder.labels, str(root), written)
        validation = tuple(i for i, source in enumerate(written["train"]) if source.validates)
        index = replace(index, skipped=tuple(bad), copies=separated.counts, validation_rows=validation or None)
        cache_index.write(target, index)
    return _opened(name, fingerprint, request)


def _hash_files(folder: Folder) -> dict[Path, str]:
    """The content hash of each file; "" if it can't be read, which is reported when it is decoded."""
    paths = [file.path for file in folder.files]
    return dict(zip(paths, hash_files(paths), strict=True))


def _split(folder: Folder, sources: dict[Path, str], request: DataRequest) -> Separated:
    """The given splits, or a folder split by the seed; without copies across splits.

    Without test/ the test is taken from train/, never from validation/, whose images choose the epoch.
    """
    class_folders.check_splits(folder)

    def cut(targets: Rows, groups: Rows) -> Rows:
        if not request.test:
            return np.empty(0, np.int64)
        return held_out(targets, groups, request.test, generator(Purpose.TEST, request.seed), folder.labels)

    return copies.separate(copies.images_of(folder, sources), cut, request.allow_copies)


def _write_folder(
    target: Path,
    folder: Folder,
    parts: dict[str, list[File]],
    sources: dict[Path, str],
    request: DataRequest,
) -> tuple[dict[str, list[SourceImage]], list[str]]:
    """Writes the arrays; returns the images of each, row by row, and why others were skipped."""
    written: dict[str, list[SourceImage]] = {}
    skipped: list[str] = []
    places = {label: i for i, label in enumerate(folder.labels)}
    for split, members in parts.items():
        bad: list[str] = []
        kept = written[split] = []

        def good(
            members: list[File] = members, bad: list[str] = bad, kept: list[SourceImage] = kept
        ) -> Iterator[Pixels]:
            for file, image in zip(members, _prepared(members, request), strict=True):
                if isinstance(image, UserError):
                    bad.append(str(image))
                    command.say(f"{'skipped' if request.skip_bad else 'error'}: {image}")
                    continue
                origin = str(file.path.relative_to(folder.root))
                kept.append(SourceImage(origin, sources[file.path], places[file.label], file.split == "validation"))
                yield image

        _write(target / f"{split}.npy", good(), len(members), request.size, f"{folder.root.name} {split}")
        if not members:  # no test: cross-validation stands for it
            continue
        if bad and not request.skip_bad:
            raise UserError(
                f"{folder.root}: {len(bad)} of {len(members)} images in {split} can't be used, the first: {bad[0]};"
                " fix or remove them, or skip them with --skip-bad"
            )
        has_validation = any(source.validates for source in kept)
        for name, validates in ((split, False), *([("validation", True)] if has_validation else [])):
            missing = set(places.values()) - {source.target for source in kept if source.validates == validates}
            if missing:
                lost = folder.labels[min(missing)]
                raise UserError(
                    f"{folder.root}: no usable image of {lost!r} is left in {name}, expected some; add images"
                )
        skipped += bad
    return written, skipped


def _prepared(members: list[File], request: DataRequest) -> Iterable[Pixels | UserError]:
    """Each file's image at the network's size, or its error; decoded on all cores, in order."""

    def one(file: File) -> Pixels | UserError:
        try:
            return images.preprocess(images.read(file.path), request.size, request.fit)
        except UserError as error:
            return error

    with ThreadPoolExecutor(system.usable_cores()) as pool:
        # In portions: Executor.map would submit all files at once and hold all results.
        for start in range(0, len(members), 256):
            yield from pool.map(one, members[start : start + 256])


def _write(path: Path, preprocessed: Iterator[Pixels], most: int, size: Size, what: str) -> None:
    """Writes images to an .npy file one by one, holding one in memory."""
    with array_file.appending(path, np.uint8, (most, *size, 3)) as append:
        for image in tqdm(preprocessed, desc=what, total=most, unit=" images", disable=None, leave=False):
            append(image[None])


def _columns(sources: list[SourceImage]) -> CachedSplit:
    return CachedSplit(
        tuple(source.target for source in sources),
        tuple(source.content_hash for source in sources),
        tuple(source.origin for source in sources),
    )


def _index(
    request: DataRequest,
    name: str,
    fingerprint: str,
    labels: tuple[str, ...],
    origin: str,
    sources: dict[str, list[SourceImage]],
) -> CacheIndex:
    return CacheIndex(
        name=name,
        fingerprint=fingerprint,
        labels=labels,
        height=request.size[0],
        width=request.size[1],
        fit=request.fit,
        origin=origin,
        split=SplitSettings(request.test, request.seed),
        skipped=(),
        splits={split: _columns(mine) for split, mine in sources.items()},
    )


def _place(name: str, fingerprint: str, request: DataRequest) -> Path:
    return folders.cache_folder(name, fingerprint, request.size, request.fit)


def _opened(name: str, fingerprint: str, request: DataRequest) -> Cache:
    cache = folders.open_cache(_place(name, fingerprint, request))
    assert cache is not None, "the cache was just written"
    return cache

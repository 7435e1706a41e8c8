"""Recognizes files by their first bytes, and by their ending if those don't suffice: an image, or why it is none.

Sources of the signatures: the formats' own specifications, and file(1)'s table of magic numbers.
"""

import re
from dataclasses import dataclass
from typing import Literal

# So many first bytes of a file are examined.
HEAD_BYTES = 512

# The endings of images that OpenCV decodes.
ENDINGS = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".pjpeg", ".pjp"}
    | {".png", ".bmp", ".dib", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".avif"}
)


@dataclass(frozen=True)
class FileFormat:
    """A format. use: a supported image, an unsupported one, or no image at all."""

    name: str
    use: Literal["image", "undecodable", "other"]


JPEG, PNG, BMP, WEBP, GIF, TIFF, PNM, AVIF = (
    FileFormat(name, "image") for name in ("JPEG", "PNG", "BMP", "WebP", "GIF", "TIFF", "PPM", "AVIF")
)
HEIC, RAW = FileFormat("HEIC", "undecodable"), FileFormat("camera raw", "undecodable")
JPEG_XL, JPEG_2000 = FileFormat("JPEG XL", "undecodable"), FileFormat("JPEG 2000", "undecodable")
SVG, PSD, PDF = (
    FileFormat("SVG", "undecodable"),
    FileFormat("Photoshop", "undecodable"),
    FileFormat("PDF", "undecodable"),
)
EXR, HDR, ICON = (
    FileFormat("OpenEXR", "undecodable"),
    FileFormat("Radiance HDR", "undecodable"),
    FileFormat("icon", "undecodable"),
)
VIDEO = FileFormat("video", "other")

SIGNATURES: tuple[tuple[re.Pattern[bytes], FileFormat], ...] = tuple(
    (re.compile(pattern, re.DOTALL), kind)
    for pattern, kind in (
        (rb"\xff\xd8\xff", JPEG),
        (rb"\x89PNG\r\n\x1a\n", PNG),
        # With a known header length and zero reserved fields: text may begin with BM too.
        (rb"BM.{4}\0\0\0\0.{4}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0", BMP),
        (rb"RIFF.{4}WEBP", WEBP),
        (rb"GIF8[79]a", GIF),
        (rb"II\*\0.{4}CR", RAW),  # Canon's CR2, a TIFF otherwise
        (rb"II[*+]\0|MM\0[*+]", TIFF),
        (rb"P[1-6]\s+[#\d]", PNM),
        (rb"II(RO|RS|U\0)|FUJIFILMCCD-RAW|FOVb|\0MRM", RAW),  # Olympus, Panasonic, Fujifilm, Sigma, Minolta
        (rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n", JPEG_XL),
        (rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  \r\n\x87\n", JPEG_2000),
        (rb"\s*(\xef\xbb\xbf)?\s*(<\?xml.*|<!--.*)?(<!DOCTYPE svg|<svg)", SVG),
        (rb"8BPS", PSD),
        (rb"%PDF", PDF),
        (rb"v/1\x01", EXR),
        (rb"#\?RADIANCE|#\?RGBE", HDR),
        (rb"RIFF.{4}AVI |\x1aE\xdf\xa3|FLV\x01|\x30\x26\xb2\x75\x8e\x66\xcf\x11|\0\0\x01[\xb3\xba]|OggS", VIDEO),
    )
)

# For content that says nothing, or too little (raw files look like TIFFs).
RAW_ENDINGS = frozenset(
    {".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".srf", ".sr2", ".dng", ".orf", ".rw2", ".raf", ".pef", ".srw"}
    | {".3fr", ".fff", ".iiq", ".x3f", ".kdc", ".dcr", ".mrw", ".erf", ".mef", ".mos", ".rwl"}
)
OTHER_ENDINGS: dict[str, FileFormat] = {
    **dict.fromkeys((".heic", ".heif", ".hif"), HEIC),
    **dict.fromkeys((".jxl",), JPEG_XL),
    **dict.fromkeys((".jp2", ".j2k", ".jpx", ".j2c", ".jpf"), JPEG_2000),
    **dict.fromkeys((".svg", ".svgz"), SVG),
    **dict.fromkeys((".psd", ".psb"), PSD),
    **dict.fromkeys((".ico", ".cur"), ICON),
    **dict.fromkeys((".exr",), EXR),
    **dict.fromkeys((".hdr",), HDR),
    **dict.fromkeys((".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".wmv", ".mpg", ".mpeg", ".3gp", ".mts"), VIDEO),
}
HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"})


def kind(head: bytes) -> FileFormat | None:
    """The format of a file by its first bytes (HEAD_BYTES are enough); None if unknown."""
    if head[4:8] == b"ftyp":
        return _kind_of_boxes(head)
    return next((kind for signature, kind in SIGNATURES if signature.match(head)), None)


def _kind_of_boxes(head: bytes) -> FileFormat:
    """AVIF, HEIC, Canon's CR3 and MP4 share a container, whose first box names the format (ISO/IEC 14496-12, 4.3)."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[8:12], *(head[i : i + 4] for i in range(16, size - 3, 4))}
    if brands & {b"avif", b"avis"}:
        return AVIF
    if brands & HEIF_BRANDS:
        return HEIC
    return RAW if b"crx " in brands else VIDEO


def kind_of_file(ending: str, head: bytes) -> FileFormat | None:
    """Like `kind`, but uses the ending (lower case, with the dot) if the bytes don't suffice."""
    found = kind(head)
    if ending in RAW_ENDINGS and found in (TIFF, None):
        return RAW
    return found or OTHER_ENDINGS.get(ending)


def advice(kind: FileFormat) -> str:
    """Why an image of this kind can't be used, and what to do."""
    if kind == HEIC:
        return "HEIC, which OpenCV can't decode; convert to JPEG, for example with heif-convert"
    return f"{kind.name}, which is not supported; convert to JPEG or PNG"

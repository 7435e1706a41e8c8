"""Figures of matplotlib as PNG files, with labels in any script.

For train and export: a board has no matplotlib.
"""

import warnings
from pathlib import Path

from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.text import Text

from device import files


def write(figure: Figure, path: Path, dpi: int = 110) -> None:
    """The same bytes for the same figure. A letter that its font lacks is drawn in a font of this machine that has it
    (https://matplotlib.org/stable/users/explain/text/fonts.html#font-fallback); where none has, it is a box.
    """
    _add_fonts(figure)
    with files.replacing(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(temporary, dpi=dpi, metadata={"Software": None})


def _add_fonts(figure: Figure) -> None:
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    for axes in figure.axes:  # which have their text only when asked
        texts += [*axes.get_xticklabels(), *axes.get_yticklabels()]
    letters = {ord(letter) for text in texts for letter in text.get_text() if letter.isprintable()}
    missing = letters - _letters(font_manager.findfont(font_manager.FontProperties()))
    families: list[str] = []
    # matplotlib's own list of fonts lacks those that were installed after it was made.
    for path in sorted(font_manager.findSystemFonts(), key=lambda path: ("Bold" in path, path)) if missing else ():
        if found := missing & _letters(path):
            font_manager.fontManager.addfont(path)
            families.append(font_manager.get_font(path).family_name)
            missing -= found
    if families:
        for text in texts:
            text.set_fontfamily([*text.get_fontfamily(), *families])


def _letters(font: str) -> set[int]:
    """The code points that a font file has; none for a file that can't be read."""
    try:
        return set(font_manager.get_font(font).get_charmap())
    except (OSError, RuntimeError):
        return set()

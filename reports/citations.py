"""BibTeX entries from the short references that models and data sets carry."""

from __future__ import annotations

import re
from collections.abc import Iterable

from biclip_bench.files import file_stem

_YEAR = re.compile(r"\b((?:19|20)\d\d)\b")
_ARXIV = re.compile(r"arXiv (\d{4}\.\d{4,5})")
_SPECIAL = str.maketrans({character: f"\\{character}" for character in "&%$#_"} | dict.fromkeys("{}\\", ""))


def bibtex_entries(references: Iterable[str]) -> list[str]:
    """Turn short references into BibTeX entries, sorted by key.

    Parameters
    ----------
    references
        Such as ``"Zhou et al., UNet++, DLMIA 2018"``: authors, title, venue and year, separated by commas; several are
        separated by semicolons. What has no year, such as ``"unpublished"``, is left out.

    Returns
    -------
    list[str]
        One ``@misc`` entry each: authors beyond the first are ``others``, and titles are as short as the reference.
    """
    entries: dict[str, str] = {}
    for reference in dict.fromkeys(part.strip() for text in references for part in text.split(";")):
        entry = _entry(reference)
        if entry is not None:
            entries.setdefault(*entry)
    return [entries[key] for key in sorted(entries)]


def _entry(reference: str) -> tuple[str, str] | None:
    years = _YEAR.findall(reference)
    if not years:
        return None
    year = years[-1]
    head, *rest = [part.strip() for part in reference.split(", ")]
    if rest and rest[-1] == year:
        rest.pop()
    people = re.fullmatch(r"(.+?)( et al\.)?", head)
    *title, venue = rest or [""]
    # A reference that begins with the method's name has no authors that could be told.
    if not (" et al." in head or " and " in head or (people and head.isalpha())):
        title, venue, head = [reference.removesuffix(f", {year}")], "", ""
    elif not title:
        title, venue = ([venue], "") if _YEAR.search(venue) is None else ([], venue)
    venue = _YEAR.sub("", venue).strip()
    fields = {
        "author": f"{head.removesuffix(' et al.')} and others" if " et al." in head else head,
        "title": f"{{{', '.join(title).translate(_SPECIAL)}}}" if title else "",
        "howpublished": venue,
        "eprint": "".join(_ARXIV.findall(reference)[:1]),
        "archiveprefix": "arXiv" if _ARXIV.search(reference) else "",
        "year": year,
    }
    if fields["eprint"]:
        fields["howpublished"] = ""
    lines = [
        f"  {name} = {{{value if name == 'title' else value.translate(_SPECIAL)}}}"
        for name, value in fields.items()
        if value
    ]
    name = re.split(r"[ ,]", head)[0] if head else reference.split(",")[0]
    word = re.split(r"[ :,]", ", ".join(title))[0] if title else venue.split(" ")[0]
    key = "-".join(filter(None, (file_stem(name).lower(), year, file_stem(word).lower())))
    return key, "\n".join([f"@misc{{{key},", ",\n".join(lines), "}"])

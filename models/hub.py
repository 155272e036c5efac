"""Models of the Hugging Face hub: from the local cache where they lie there, else from the network, else a way out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from biclip_bench.errors import UserError

SECONDS = 10.0
"""How long the hub may stay silent before it counts as out of reach."""

TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model")
"""Files of which a tokenizer needs at least one."""

_SMALL = re.compile(r"[^/]+\.(json|txt|model)")

Choose = Callable[[Sequence[str]], list[str]]
"""From the names of the files that there are to those that are needed; empty if they do not suffice."""


def folder_files(folder: Path) -> list[str]:
    """List the names of the files of a folder, without those of folders inside."""
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def small_files(files: Sequence[str]) -> list[str]:
    """Choose configurations and tokenizers among the files of a repository, not the indices of other weights."""
    return [name for name in files if _SMALL.fullmatch(name) and not name.endswith(".index.json")]


def has_tokenizer(files: Sequence[str]) -> bool:
    """Whether a folder's or repository's files hold a vocabulary."""
    return any(name in files for name in TOKENIZERS)


def hub_folder(name: str, keys: Sequence[str], choose: Choose, needed: str, remedy: str) -> Path:
    """Find a repository's files in the local cache without a network, or download what is needed of them.

    Parameters
    ----------
    name
        ``"organisation/name"`` or ``"name"`` on the hub.
    keys
        Files of which one is always needed: by it the cache is found.
    choose
        Which of its files are needed.
    needed
        What they are and for what, for messages, such as ``"The text encoder hf:NAME"``.
    remedy
        What to do without a network: commands and the option to give then, as a sentence.

    Returns
    -------
    Path
        The folder of the cache that holds them.

    Raises
    ------
    UserError
        If the hub has no such model, it lacks what is needed, or the hub is out of reach.
    """
    from huggingface_hub import HfApi, snapshot_download, try_to_load_from_cache
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError

    try:
        found = [try_to_load_from_cache(name, key) for key in keys]
    except HFValidationError as error:
        raise UserError(f"{needed}: there is no folder {name}, and no model of the hub has such a name.") from error
    for file in found:
        if isinstance(file, str) and choose(folder_files(Path(file).parent)):
            return Path(file).parent
    try:
        # Asked first, because only this call has a time limit of its own: a download retries a silent hub for minutes.
        info = HfApi().model_info(name, timeout=SECONDS)
        wanted = choose([sibling.rfilename for sibling in info.siblings or []])
        if wanted:
            return Path(snapshot_download(name, allow_patterns=wanted, etag_timeout=SECONDS))
    except GatedRepoError as error:
        raise UserError(
            f"{needed}: the model {name} is only given to those who accepted its terms. Accept them at "
            f"https://huggingface.co/{name}, log in with 'hf auth login' and run again. Or: {remedy}"
        ) from error
    except RepositoryNotFoundError as error:
        raise UserError(
            f"{needed}: there is no folder {name}, and the Hugging Face hub has no model {name} that may be read from "
            "here. Check the spelling; if it is private, log in with 'hf auth login'."
        ) from error
    except Exception as error:
        # The errors of an unreachable hub are those of the HTTP library, which differs between versions.
        reason = str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
        raise UserError(
            f"{needed} is not in the local cache, and the Hugging Face hub cannot be reached ({reason}). {remedy}"
        ) from error
    raise UserError(f"{needed}: the model {name} on the hub lacks the files that are needed.")

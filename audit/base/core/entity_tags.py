"""The entity tags that a client quotes (RFC 9110, 8.8.3 and 13.1.1)."""

from __future__ import annotations

import re

_LIST = re.compile(r'(?:(?:W/)?"[\x21\x23-\x7e]*"|[ \t,])+')
# Some proxies name the compression at the end of a tag: "1-gzip", "1--gzip".
_TAG = re.compile(r'"([^"]*?)(?:--?(?:br|gzip|zstd))?"')


def quoted_tags(header: str) -> frozenset[str]:
    """Return the tags of an If-Match header without quotes, none of a malformed one.

    Weak ones count as strong: a proxy that compresses an answer weakens its tag, and
    what we compare is the state that was seen, not the bytes.
    """
    if not _LIST.fullmatch(header):
        return frozenset()
    return frozenset(_TAG.findall(header))

"""The order of uploads to one key, as strings that are compared.

S3 sends a ``sequencer``. Other stores may send none; theirs is made of the time of the event, in
the form that S3's have: two zeros, then the seconds since 1970 in eight hexadecimal digits. So a
store may begin to send them.
"""

from datetime import datetime
from hashlib import blake2s

# Sequencers differ in length. S3's documentation says to right-pad them with zeros and to compare
# them as strings, within one key only.
_DIGITS = 40


def of(sequencer: str | None, time: datetime, version: str) -> str:
    """Return the place of an event among those of its key.

    Args:
        sequencer: from the store; None if it sends none.
        time: of the event.
        version: version id or ETag of the object. It decides between two events of one instant:
            the same way for all who receive them, but not always as they happened.
    """
    if sequencer is not None:
        return sequencer.ljust(_DIGITS, "0")
    digest = blake2s(version.encode(), digest_size=12).hexdigest().upper()
    return f"00{int(time.timestamp()):08X}{time.microsecond:05X}0{digest}".ljust(_DIGITS, "0")


def after(sequencer: str) -> str:
    """Return the first place after another."""
    return f"{int(sequencer, 16) + 1:0{len(sequencer)}X}"

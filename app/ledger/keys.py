"""Under which number does a conversion stand?"""

from __future__ import annotations

import hashlib


def conversion_key(conversion_type: str, order_id: str) -> int:
    """The UInt64 of a conversion: (conversion type, order id) is one conversion (SEMANTICS 4.7).

    >>> conversion_key("Order Completed", "1001") == conversion_key("Order Completed", "1001")
    True
    """
    digest = hashlib.blake2b(f"{conversion_type}\0{order_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")

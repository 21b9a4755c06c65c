# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one guarded import of `cryptography`; everything else takes it from here and calls `require()` before using it."""

from __future__ import annotations

from ..errors import MissingLibraryError

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

    HAS_CRYPTOGRAPHY = True
except ImportError:
    # The names are there all the same, so that files can be imported (and documented) where the package is missing.
    x509 = InvalidSignature = UnsupportedAlgorithm = hashes = serialization = dsa = ec = ed448 = ed25519 = rsa = None  # type: ignore
    HAS_CRYPTOGRAPHY = False

try:
    from cryptography.x509 import verification
except ImportError:  # cryptography < 42
    verification = None  # type: ignore[assignment]

try:
    from cryptography.hazmat.primitives.asymmetric import mldsa
except ImportError:  # cryptography < 47
    mldsa = None  # type: ignore[assignment]

__all__ = (
    "HAS_CRYPTOGRAPHY", "InvalidSignature", "UnsupportedAlgorithm", "dsa", "ec", "ed25519", "ed448", "hashes", "mldsa",
    "require", "require_ml_dsa", "require_verification", "rsa", "serialization", "verification", "x509",
)  # fmt: skip


def require() -> None:
    """Return when `cryptography` is there; else MissingLibraryError with the package to install."""
    if not HAS_CRYPTOGRAPHY:
        raise MissingLibraryError(
            "the Python package cryptography is not installed where this runs",
            hint="pip install 'cryptography>=46', or apt install python3-cryptography",
        )


def require_verification() -> None:
    """Return when chains can be verified here; else MissingLibraryError."""
    require()
    if verification is None or not hasattr(verification.PolicyBuilder, "build_client_verifier"):
        raise MissingLibraryError("this cryptography cannot verify chains", hint="pip install 'cryptography>=46'")


def require_ml_dsa() -> None:
    """Return when ML-DSA keys can be used here; else MissingLibraryError."""
    require()
    if mldsa is None:
        raise MissingLibraryError("this cryptography has no ML-DSA keys", hint="pip install 'cryptography>=47'")

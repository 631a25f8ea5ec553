"""`python -m tests.house`: say where the house rules are broken; exit 1 if anywhere."""

import sys
from pathlib import Path, PurePosixPath

from tests.house.rules import Module, broken

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("shared", "services")


def main() -> int:
    findings = [
        finding
        for folder in PRODUCT
        for file in sorted((ROOT / folder).rglob("*.py"))
        for finding in broken(Module(_relative(file), file.read_text(encoding="utf-8")))
    ]
    sys.stdout.writelines(f"{finding}\n" for finding in findings)
    return 1 if findings else 0


def _relative(file: Path) -> PurePosixPath:
    return PurePosixPath(file.relative_to(ROOT).as_posix())


if __name__ == "__main__":
    sys.exit(main())

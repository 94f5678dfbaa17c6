"""The command that writes all reference pages."""

from pathlib import Path

from docs.generate import PAGES

REFERENCE = Path(__file__).parents[1] / "reference"


def main() -> None:
    """Write each page."""
    for name, page in PAGES.items():
        (REFERENCE / f"{name}.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()

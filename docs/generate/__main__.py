"""The command that writes all reference pages, and the Python client's operations and models."""

from pathlib import Path

from docs.generate import PAGES, client

REFERENCE = Path(__file__).parents[1] / "reference"


def main() -> None:
    """Write each page, and each generated file of the client."""
    for name, page in PAGES.items():
        (REFERENCE / f"{name}.md").write_text(page(), encoding="utf-8")
    for path, text in client.files().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

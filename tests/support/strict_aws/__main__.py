"""Prints the rules as a table: what AWS documents, and which calls it bears on."""

from . import RULES


def main() -> None:
    """Prints a Markdown table, a rule a row."""
    rows = ["| rule | calls | source |", "|---|---|---|"]
    for rule in RULES:
        calls = ", ".join(sorted(operation for _, operation in rule.operations))
        rows.append(f"| `{rule.id}` | {calls} | {rule.source} |")
    print("\n".join(rows))  # noqa: T201


if __name__ == "__main__":
    main()

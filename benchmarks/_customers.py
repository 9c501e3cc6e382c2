"""Values that customers hand in: secrets of every kind, and texts made to look like the vendor's own."""

SECRETS: tuple[str, ...] = (
    "rosalind.quillfeather@zyxmail.example",
    "Quentin Xavier Vandersloot",
    "rose",
    "4929 1834 7712 0095",
    "+49 176 55512398",
    "Hunter2-ßecret!pässwort",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJxdWlsbCJ9.Zk1xQ0pXVw",
    "/home/vandersloot/Steuer 2025/Kündigung.pdf",
    "project 7 of Vandersloot is full: 3 of 40 inputs are used",
    "Жанна Кузнецова из Твери",
    "王小明的合同",
    "line one of Vandersloot\nline two: the lock on Quill was never given back",
    "%s {0} {name} %(name)s %d of Quillfeather",
    "'; DROP TABLE quillfeather; --",
    "zero\u200bwidth\u202ejoiner Quillfeather",
    "lone \udce9 surrogate Quillfeather",
    "https://intranet.quillfeather.example/a?token=9f8e7d6c5b4a",
    "550e8400-e29b-41d4-a716-446655440000",
    "x" * 50 + " Quillfeather " + "y" * 120_000,
    "",
)
"""Texts; what of them may not leave is every piece of four characters."""
SHORT: tuple[str, ...] = tuple(value for value in SECRETS if 0 < len(value) < 1_000)
"""Those that a library can be handed thousands of times."""

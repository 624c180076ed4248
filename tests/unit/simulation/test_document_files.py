from __future__ import annotations

from io import BytesIO
from pathlib import Path

import docx
import pytest
from pypdf import PdfReader, PdfWriter

from troupe_batch.errors import FixTheInput, SpecError
from troupe_batch.simulation.record.documents import Document, read_documents


def pdf(*pages: str) -> bytes:
    """A minimal PDF, one page per text; written by hand, and given its table of contents by pypdf."""
    kids = " ".join(f"{3 + 2 * n} 0 R" for n in range(len(pages)))
    font = "<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>"]
    for n, text in enumerate(pages):
        content = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET" if text else ""
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources {font} /Contents {4 + 2 * n} 0 R >>",
            f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
        ]
    body, offsets = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, start=1):
        offsets.append(len(body))
        body += f"{number} 0 obj\n{text}\nendobj\n".encode()
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    trailer = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    return body + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{trailer}".encode()


def encrypted(data: bytes, password: str) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(BytesIO(data)))
    writer.encrypt(password, owner_password="owner", algorithm="RC4-128")  # noqa: S106 -- of a file made here
    written = BytesIO()
    writer.write(written)
    return written.getvalue()


def word() -> bytes:
    document = docx.Document()
    document.add_heading("Terms", level=2)
    document.add_paragraph("Loans run for ten years.")
    table = document.add_table(rows=1, cols=2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "Rate", "3 %"
    document.add_paragraph("Ask at the desk.")
    written = BytesIO()
    document.save(written)
    return written.getvalue()


def test_a_folder_is_read_with_the_folders_in_it_in_the_order_of_names(tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("# Größe\n", encoding="utf-8-sig")
    (tmp_path / "a.txt").write_text("plain", encoding="utf-16")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.txt").write_text("inner")
    (tmp_path / ".DS_Store").write_bytes(b"\xff")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_bytes(b"\xff")

    assert read_documents(tmp_path) == (
        Document("a.txt", "plain"),
        Document("b.md", "# Größe"),
        Document("more/a.txt", "inner"),
    )


def test_files_and_folders_can_be_named_together(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("1")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "two.txt").write_text("2")

    documents = read_documents([tmp_path / "one.txt", str(tmp_path / "folder")])

    assert [document.name for document in documents] == ["one.txt", "two.txt"]
    assert read_documents(tmp_path / "one.txt") == documents[:1]


def test_two_files_of_one_name_are_an_error_that_names_the_second(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "a.txt", tmp_path / "folder" / "A.txt"):
        path.write_text("x")

    with pytest.raises(SpecError, match=r"folder/A\.txt: .*two documents named 'A\.txt'; give"):
        read_documents([tmp_path / "a.txt", tmp_path / "folder" / "A.txt"])


def test_a_pdf_is_read_page_by_page(tmp_path: Path) -> None:
    (tmp_path / "fees.pdf").write_bytes(pdf("Fees are low.", "Page two."))

    assert read_documents(tmp_path) == (Document("fees.pdf", "Fees are low.\n\nPage two."),)


def test_a_pdf_that_is_encrypted_only_against_changes_is_read(tmp_path: Path) -> None:
    (tmp_path / "fees.pdf").write_bytes(encrypted(pdf("Fees are low."), ""))

    assert read_documents(tmp_path)[0].text == "Fees are low."


def test_a_word_file_is_read_in_order_with_its_headings_and_tables(tmp_path: Path) -> None:
    (tmp_path / "terms.docx").write_bytes(word())

    [document] = read_documents(tmp_path)

    assert document.text == "## Terms\n\nLoans run for ten years.\n\nRate | 3 %\n\nAsk at the desk."


@pytest.mark.parametrize(
    ("name", "data", "problem", "cure"),
    [
        ("a.pdf", encrypted(pdf("Fees."), "secret"), "is encrypted", "without a password"),
        ("a.pdf", pdf("Fees.")[:60], "damaged", "save it anew"),
        ("a.pdf", b"", "damaged", "save it anew"),
        ("a.pdf", pdf("", ""), "holds no text", "OCR"),
        ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 99, "encrypted", "without a password"),
        ("a.docx", word()[:500], "damaged", "save it as .docx"),
        ("a.docx", b"not a zip", "damaged", "save it as .docx"),
        ("a.txt", b"caf\xe9", "not UTF-8 text (byte 3)", "save it as UTF-8"),
        ("a.txt", b" \n", "holds no text", "take it out"),
        ("a.pptx", b"x", "cannot read .pptx", "convert it to one of .docx, .markdown, .md, .pdf, .txt"),
        ("README", b"x", "without an ending", "convert"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_cure(
    tmp_path: Path, name: str, data: bytes, problem: str, cure: str
) -> None:
    (tmp_path / name).write_bytes(data)

    with pytest.raises(FixTheInput) as caught:
        read_documents(tmp_path)

    message = str(caught.value)
    assert message.startswith(f"{tmp_path / name}: ")
    assert problem in message.partition("; ")[0]
    assert cure in message.partition("; ")[2]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FixTheInput, match=r"nowhere\.txt: cannot be read: No such file"):
        read_documents(tmp_path / "nowhere.txt")


def test_a_broken_pdf_is_told_of_once_by_the_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf("Fees.")[:60])

    with pytest.raises(SpecError, match="damaged"):
        read_documents(tmp_path)

    assert caplog.records == []

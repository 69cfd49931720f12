#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""What luytre made, read with poppler, zip and XML: fonts, layout, links, and the same text in PDF, DOCX and HTML.

With LUYTRE_OFFICE=1, LibreOffice opens the DOCX, too, and its text is compared."""
import collections
import html.parser
import os
import pathlib
import re
import subprocess
import sys
import unicodedata
import unittest
import xml.etree.ElementTree as xml
import zipfile

WORK = sys.argv.pop(1)
NAMES = sorted(name[:-4] for name in os.listdir(WORK) if name.endswith(".pdf"))
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
MM = 72 / 25.4


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def path(name, ending):
    return os.path.join(WORK, f"{name}.{ending}")


def words(text):
    return unicodedata.normalize("NFC", text).split()


def docx(name):
    return xml.fromstring(zipfile.ZipFile(path(name, "docx")).read("word/document.xml"))


def docx_words(name):
    text = ""
    for e in docx(name).iter():
        if e.tag == W + "t":
            text += e.text or ""
        elif e.tag in (W + "p", W + "br"):
            text += " "
    return words(text)


class Text(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.text, self.hidden = "", 0

    def handle_starttag(self, tag, attributes):
        self.hidden += tag in ("style", "title")
        self.text += " " if tag in ("p", "br", "td", "th", "h1", "h2", "h3", "h4", "div") else ""

    def handle_endtag(self, tag):
        self.hidden -= tag in ("style", "title")

    def handle_data(self, data):
        self.text += "" if self.hidden else data


def pdf_pages(name):
    """The words of each page, its number taken off."""
    pages = run("pdftotext", "-raw", path(name, "pdf"), "-").split("\f")[:-1]
    return [words(re.sub(r"\A\d+\n", "", page)) for page in pages]


class Documents(unittest.TestCase):
    def test_fonts_are_embedded(self):
        for name in NAMES:
            lines = run("pdffonts", path(name, "pdf")).splitlines()[2:]
            self.assertTrue(lines)
            for line in lines:
                self.assertIn("LiberationSerif", line)
                self.assertRegex(line, r" yes yes yes +\d")

    def test_same_text(self):
        for name in NAMES:
            parser = Text()
            parser.feed(pathlib.Path(path(name, "html")).read_text("utf-8"))
            self.assertEqual(words(parser.text), docx_words(name), name)
            # In the PDF a table's head stands on each of its pages.
            table = docx(name).findall(f".//{W}tbl")
            heads = [words(" ".join(t.text for t in row.iter(W + "t"))) for tbl in table for row in tbl.findall(W + "tr")
                     if row.find(f"{W}trPr/{W}tblHeader") is not None]
            pages = pdf_pages(name)
            more = collections.Counter(w for page in pages for w in page)
            more.subtract(docx_words(name))
            allowed = [collections.Counter(h) for h in heads]
            last = allowed[-1]
            times = more[heads[-1][0]]
            self.assertEqual(times, sum(1 for p in pages if p[:len(heads[-1])] == heads[-1]) , name)
            self.assertEqual({w: n for w, n in more.items() if n}, {w: n * times for w, n in last.items() if times}, name)

    def test_page_and_margins(self):
        for name in NAMES:
            pages = run("pdftotext", "-bbox", path(name, "pdf"), "-")
            first = True
            for page in re.findall(r"<page .*?</page>", pages, re.S):
                width, height = (float(x) for x in re.search(r'width="([\d.]+)" height="([\d.]+)"', page).groups())
                self.assertEqual(sorted(round(x / MM) for x in (width, height)), [210, 297])
                boxes = [(tuple(float(x) for x in m[:4]), m[4]) for m in
                         re.findall(r'xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">(.*?)<', page)]
                for (left, top, right, bottom), word in boxes:
                    number = top < 19 * MM
                    self.assertTrue(not number or word.isdigit(), word)
                    self.assertGreaterEqual(left, 30 * MM - 1, word)
                    self.assertLessEqual(right, width - 15 * MM + 1, word)
                    self.assertLessEqual(bottom, height - 20 * MM + 1, word)
                    if number:
                        self.assertFalse(first)
                        self.assertAlmostEqual((left + right) / 2, (30 * MM + width - 15 * MM) / 2, delta=1)
                first = False

    def test_head_is_as_prescribed(self):
        text = run("pdftotext", "-layout", "-l", "1", path("annual_report", "pdf"), "-")
        for wanted in ["CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc", "Số: 05/BC-CATP", "Cần Thơ, ngày 14 tháng 12 năm 2026",
                       "BÁO CÁO", "Kính gửi:", "I. Kết quả chung", "1. Tình hình thực hiện nhiệm vụ"]:
            self.assertIn(wanted, text)
        line = next(x for x in text.splitlines() if "Số: 05" in x)
        self.assertIn("ngày 14 tháng 12", line)
        letter = run("pdftotext", "-layout", path("urging_letter", "pdf"), "-")
        for wanted in ["V/v đôn đốc", "KHẨN", "Kính gửi: Ủy ban nhân dân phường Ninh Kiều", "Nơi nhận:", "KT. GIÁM ĐỐC"]:
            self.assertIn(wanted, letter)

    def test_rows_and_links(self):
        text = pathlib.Path(path("annual_report", "html")).read_text("utf-8")
        appendix = text.split('<h1 class="page">')[1]
        self.assertEqual(len(re.findall(r"<tr><td[^>]*>\d+</td>", appendix)), 31)
        wanted = set(re.findall(r'href="([^"]+)"', text))
        self.assertGreater(len(wanted), 20)
        data = pathlib.Path(path("annual_report", "pdf")).read_bytes()
        self.assertEqual({u.replace("&amp;", "&").encode() for u in wanted}, set(re.findall(rb"/URI \(([^)]*)\)", data)))
        relations = zipfile.ZipFile(path("annual_report", "docx")).read("word/_rels/document.xml.rels").decode()
        self.assertEqual(wanted, set(re.findall(r'Target="(https:[^"]+)"', relations)))

    def test_docx_is_editable(self):
        for name in NAMES:
            with zipfile.ZipFile(path(name, "docx")) as z:
                for part in z.namelist():
                    xml.fromstring(z.read(part))
                self.assertIn(b" PAGE ", z.read("word/header1.xml"))
            root = docx(name)
            self.assertTrue(root.findall(f".//{W}trPr/{W}tblHeader"))
            self.assertTrue(root.findall(f".//{W}sectPr/{W}titlePg"))
            styles = {s.get(W + "val") for s in root.iter(W + "pStyle")}
            self.assertIn("TableText", styles)
        self.assertIn("Heading2", {s.get(W + "val") for s in docx("annual_report").iter(W + "pStyle")})

    @unittest.skipUnless(os.environ.get("LUYTRE_OFFICE"), "LibreOffice only in ./dev check")
    def test_office_opens_it(self):
        for name in NAMES:
            subprocess.run(["soffice", "--headless", f"-env:UserInstallation=file://{WORK}/office", "--convert-to", "txt:Text (encoded):UTF8",
                            "--outdir", f"{WORK}/office_out", path(name, "docx")], check=True, capture_output=True, timeout=180)
            text = pathlib.Path(f"{WORK}/office_out/{name}.txt").read_text("utf-8-sig")
            self.assertEqual(words(text), docx_words(name), name)


unittest.main(verbosity=0)

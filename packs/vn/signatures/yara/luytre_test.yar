/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Test signatures, see README.md. Strings are hexadecimal and in two parts so that this file matches nothing. */

rule eicar_test_file
{
	meta:
		threat = "EICAR-Test-File"
		description = "The EICAR anti-virus test file: harmless, every product reports it"
		severity = "low"
	strings:
		$head = { 58 35 4F 21 50 25 40 41 50 5B 34 5C 50 5A 58 35 34 28 50 5E 29 37 43 43 29 37 7D 24 45 49 43 41 52 2D }
		$tail = { 53 54 41 4E 44 41 52 44 2D 41 4E 54 49 56 49 52 55 53 2D 54 45 53 54 2D 46 49 4C 45 21 24 48 2B 48 2A }
	condition:
		/* The definition allows up to 128 bytes: the 68 and white space after them. */
		filesize <= 128 and $head at 0 and $tail at 34
}

rule luytre_test_file
{
	meta:
		threat = "Luytre-Test-File"
		description = "Harmless test file of this platform"
		severity = "low"
	strings:
		$head = { 4C 55 59 54 52 45 2D 48 41 52 4D 4C 45 53 53 2D 54 45 53 54 2D }
		$tail = { 46 49 4C 45 2D 37 64 31 66 33 63 }
	condition:
		/* At the start of the file only, so that pages about the test do not match. */
		filesize <= 4096 and $head at 0 and $tail at 21
}

/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Words that Annex I of Nghị định 30/2020/NĐ-CP prescribes letter by letter: part of the form, never translated. */
#pragma once

#define DOCUMENT_WORD_NATION "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"
#define DOCUMENT_WORD_MOTTO "Độc lập - Tự do - Hạnh phúc"
#define DOCUMENT_WORD_NUMBER "Số: "
#define DOCUMENT_WORD_SUBJECT "V/v "
#define DOCUMENT_WORD_TO "Kính gửi:"
#define DOCUMENT_WORD_RECIPIENTS "Nơi nhận:"
#define DOCUMENT_WORD_DATE "ngày %02u tháng %u năm %04d"
#define DOCUMENT_WORD_DATE_PADDED "ngày %02u tháng %02u năm %04d"
/* No-break spaces: room for a pen. */
#define DOCUMENT_WORD_DATE_OPEN "ngày\u00a0\u00a0\u00a0\u00a0\u00a0\u00a0tháng\u00a0\u00a0\u00a0\u00a0\u00a0\u00a0năm\u00a0\u00a0\u00a0\u00a0\u00a0\u00a0\u00a0"
#define DOCUMENT_WORD_NUMBER_OPEN "\u00a0\u00a0\u00a0\u00a0\u00a0\u00a0\u00a0\u00a0"
#define DOCUMENT_WORD_TIME "%02u:%02u ngày %02u/%02u/%04d"

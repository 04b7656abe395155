/*
 * Small text tools that several readers share: strict numbers, hex, blanks, nearest known name.
 *
 * Bytes only; every reader takes a length and never looks behind it.  Thread: any.
 */
#ifndef PROTO_TEXT_H
#define PROTO_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal number with an optional sign and nothing else, within min..max; else false. */
bool text_int(const char *p, size_t n, int64_t min, int64_t max, int64_t *v);

/* Value of a hex digit, or -1. */
int text_hex_digit(char c);
/* n hex digits as n / 2 bytes; false if n is odd or anything else stands there. */
bool text_hex(const char *p, size_t n, uint8_t *bytes);
/* n bytes as 2 * n digits, without a NUL. */
void text_put_hex(char *to, const void *bytes, size_t n);

/* What a program has printed, as text for JSON, terminals and databases: n bytes to `to`, '?' for
 * control characters but tab and newline, and for what is no UTF-8.  No NUL is added. */
void text_clean(char *to, const char *p, size_t n);

/* UTF-8 as RFC 3629 has it: shortest forms, no surrogates. */
bool text_is_utf8(const char *text, size_t n);

/* The next word of a list "a, b" and its size, at or behind *p; NULL at the end.  Moves *p behind it:
 * words have ',' or blanks between them. */
const char *text_list_next(const char **p, const char *end, size_t *n);
/* Whether a list has the word; NULL is an empty list. */
bool text_list_has(const char *list, size_t n, const char *word);

/* Cuts blank, tab, CR and LF from both ends. */
void text_trim(const char **p, size_t *n);

/* Finds the known name that a mistyped word most likely meant; best stays NULL if none is near. */
struct text_nearest {
	const char *word, *best;
	size_t distance;
};
void text_nearest_init(struct text_nearest *near, const char *word);
void text_nearest_try(struct text_nearest *near, const char *known);

#endif

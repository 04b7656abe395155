/* Small text tools: strict numbers, hex, blanks, nearest known name. */
#include "proto/text.h"

#include <string.h>

bool text_int(const char *p, size_t n, int64_t min, int64_t max, int64_t *v)
{
	bool negative = n && *p == '-';
	size_t i = n && (*p == '-' || *p == '+');
	int64_t value = 0;

	if (i == n)
		return false;
	for (; i < n; i++) {
		int digit = p[i] - '0';

		if (digit < 0 || digit > 9)
			return false;
		/* Counted downwards, because INT64_MIN has no positive counterpart. */
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_sub_overflow(value, digit, &value))
			return false;
	}
	if (!negative && __builtin_sub_overflow(0, value, &value))
		return false;
	if (value < min || value > max)
		return false;
	*v = value;
	return true;
}

int text_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool text_hex(const char *p, size_t n, uint8_t *bytes)
{
	if (n % 2)
		return false;
	for (; n; n -= 2, p += 2) {
		int high = text_hex_digit(p[0]), low = text_hex_digit(p[1]);

		if (high < 0 || low < 0)
			return false;
		*bytes++ = (uint8_t)(high << 4 | low);
	}
	return true;
}

void text_put_hex(char *to, const void *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (const uint8_t *p = bytes; n; n--, p++) {
		*to++ = digits[*p >> 4];
		*to++ = digits[*p & 15];
	}
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void text_trim(const char **p, size_t *n)
{
	while (*n && is_blank(**p)) {
		++*p;
		--*n;
	}
	while (*n && is_blank((*p)[*n - 1]))
		--*n;
}

const char *text_list_next(const char **p, const char *end, size_t *n)
{
	const char *word;

	while (*p < end && (**p == ',' || is_blank(**p)))
		++*p;
	word = *p;
	while (*p < end && **p != ',' && !is_blank(**p))
		++*p;
	*n = (size_t)(*p - word);
	return *n ? word : NULL;
}

bool text_list_has(const char *list, size_t n, const char *word)
{
	const char *end = list ? list + n : NULL, *w;
	size_t size;

	while (list && (w = text_list_next(&list, end, &size)))
		if (size == strlen(word) && !memcmp(w, word, size))
			return true;
	return false;
}

bool text_is_utf8(const char *text, size_t n)
{
	const uint8_t *p = (const uint8_t *)text, *end = p + n;

	while (p < end) {
		uint32_t c = *p++, least;
		unsigned more = c < 0x80 ? 0 : c < 0xc0 ? 4 : c < 0xe0 ? 1 : c < 0xf0 ? 2 :
				c < 0xf8 ? 3 : 4;

		if (!more)
			continue;
		if (more == 4 || (size_t)(end - p) < more)
			return false;
		c &= 0x3fu >> more;
		least = more == 1 ? 0x80 : more == 2 ? 0x800 : 0x10000;
		for (; more; more--, p++) {
			if ((*p & 0xc0) != 0x80)
				return false;
			c = c << 6 | (*p & 0x3f);
		}
		if (c < least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return false;
	}
	return true;
}

/* Returns what follows the start of p that was copied. */
static size_t clean_character(char *to, const char *p, size_t n)
{
	unsigned char c = (unsigned char)*p;

	for (size_t size = 2; c >= 0x80 && size <= 4 && size <= n; size++)
		if (text_is_utf8(p, size)) {
			memcpy(to, p, size);
			return size;
		}
	*to = c >= 0x7f || (c < ' ' && c != '\n' && c != '\t') ? '?' : (char)c;
	return 1;
}

void text_clean(char *to, const char *p, size_t n)
{
	for (size_t i = 0; i < n; )
		i += clean_character(to + i, p + i, n - i);
}

/* Edit distance (insert, delete, replace, swap of neighbours); longer words are not compared. */
enum { WORD_MAX = 48 };

static size_t distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	size_t d[WORD_MAX + 1][WORD_MAX + 1];

	if (n > WORD_MAX || m > WORD_MAX)
		return WORD_MAX;
	for (size_t i = 0; i <= n; i++) {
		for (size_t j = 0; j <= m; j++) {
			if (!i || !j) {
				d[i][j] = i + j;
				continue;
			}
			d[i][j] = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			if (d[i - 1][j] + 1 < d[i][j])
				d[i][j] = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < d[i][j])
				d[i][j] = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[n][m];
}

void text_nearest_init(struct text_nearest *near, const char *word)
{
	size_t n = strlen(word);

	near->word = word;
	near->best = NULL;
	/* About a third of the letters may be wrong, three at most. */
	near->distance = (n < 9 ? n / 3 + (n > 1) : 3) + 1;
}

void text_nearest_try(struct text_nearest *near, const char *known)
{
	size_t d = distance(near->word, known);

	if (d < near->distance) {
		near->distance = d;
		near->best = known;
	}
}

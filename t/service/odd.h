/* The protocol of IdObj: length and id of 4 bytes each in front of the text. */
#ifndef T_SERVICE_ODD_H
#define T_SERVICE_ODD_H

#include "tars.h"

enum { HEAD = 8 };

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static int64_t length_end(const uint8_t *p, size_t n, size_t *at)
{
	(void)at;
	return n < 4 ? 0 : get32(p) < HEAD ? -1 : (int64_t)get32(p);
}

static bool get_id(const uint8_t *p, size_t n, uint32_t *id)
{
	(void)n;
	*id = get32(p + 4);
	return *id != 0;
}

static void put_id(uint8_t *p, size_t n, uint32_t id)
{
	(void)n;
	put32(p + 4, id);
}

#endif

/* Health of endpoints: results of calls into breakers, changes of state into events and text. */
#include "core/rpc/health.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/reactor.h"
#include "core/rpc/app_int.h"
#include "core/sys/log.h"
#include "proto/arena.h"

enum { LOG_GATE_MS = 20 };  /* so many endpoints, so many peers that make us write */

struct health *health_new(struct tars_app *app, const char *proxy_name,
			  const struct tars_check *check, const struct endpoint *ep,
			  unsigned n_loops)
{
	size_t size = sizeof(struct health) + n_loops * sizeof(struct health_part);
	struct health *h = xcalloc_lines(size);

	atomic_init(&h->refs, 1);
	h->app = app;
	h->proxy_name = proxy_name;
	h->check = check;
	endpoint_label(h->text, sizeof(h->text), ep);
	pthread_mutex_init(&h->lock, NULL);
	h->n_parts = n_loops;
	return h;
}

struct health *health_ref(struct health *h)
{
	atomic_fetch_add_explicit(&h->refs, 1, memory_order_relaxed);
	return h;
}

void health_unref(struct health *h)
{
	if (h && atomic_fetch_sub_explicit(&h->refs, 1, memory_order_acq_rel) == 1) {
		pthread_mutex_destroy(&h->lock);
		free(h);
	}
}

/* ---- what calls tell ---- */

static struct breaker_ok sum_ok(const struct health *h, int64_t now_us)
{
	struct breaker_ok ok = { 0 };

	for (unsigned i = 0; i < h->n_parts; i++) {
		const struct health_part *part = &h->parts[i];

		ok.total += atomic_load_explicit(&part->n_ok, memory_order_relaxed);
		ok.in_window += window_sum(&part->ok, now_us,
					   h->check->window_ms * INT64_C(1000));
	}
	return ok;
}

/* The lock is held. */
static void publish(struct health *h)
{
	atomic_store_explicit(&h->retry_us, h->breaker.retry_us, memory_order_relaxed);
	atomic_store_explicit(&h->hopeless, h->breaker.hopeless, memory_order_relaxed);
	atomic_store_explicit(&h->state, (unsigned char)h->breaker.state, memory_order_relaxed);
}

static void tell(struct health *h, const char *text)
{
	if (*text && h->app->conf.on_endpoint)
		h->app->conf.on_endpoint(h->app, text);
}

static void note_failure(struct health *h, int64_t now_us, const char *why)
{
	h->n_failed++;
	h->failed_us = now_us;
	snprintf(h->error, sizeof(h->error), "%s", why);
}

static void describe_opening(struct health *h, char *text, size_t size)
{
	h->n_shielded++;
	snprintf(text, size, "%s: %s gets no calls for %d ms: %s", h->proxy_name, h->text,
		 h->check->retry_ms, h->error);
}

static void describe_closing(const struct health *h, int64_t now_us, int64_t since_us, char *text,
			     size_t size)
{
	snprintf(text, size, "%s: %s gets calls again, after %lld ms", h->proxy_name, h->text,
		 (long long)(now_us - since_us) / 1000);
}

void health_failed(struct health *h, int64_t now_us, int64_t sent_us, const char *why)
{
	struct breaker_ok ok = sum_ok(h, now_us);
	char text[400] = "";

	pthread_mutex_lock(&h->lock);
	note_failure(h, now_us, why);
	if (breaker_failed(&h->breaker, h->check, now_us, sent_us, ok))
		describe_opening(h, text, sizeof(text));
	publish(h);
	pthread_mutex_unlock(&h->lock);
	tell(h, text);
}

void health_recover(struct health *h, int64_t now_us, int64_t sent_us)
{
	char text[400] = "";
	int64_t since_us;

	pthread_mutex_lock(&h->lock);
	since_us = h->breaker.since_us;
	if (breaker_succeeded(&h->breaker, now_us, sent_us))
		describe_closing(h, now_us, since_us, text, sizeof(text));
	publish(h);
	pthread_mutex_unlock(&h->lock);
	tell(h, text);
}

void health_no_result(struct health *h, int64_t now_us)
{
	pthread_mutex_lock(&h->lock);
	breaker_give_probe_back(&h->breaker, now_us);
	publish(h);
	pthread_mutex_unlock(&h->lock);
}

bool health_connect_failed(struct health *h, unsigned loop, int64_t now_us, const char *why)
{
	char text[400] = "";
	bool opened;

	atomic_store_explicit(&h->parts[loop].connected, false, memory_order_relaxed);
	pthread_mutex_lock(&h->lock);
	note_failure(h, now_us, why);
	opened = breaker_connect_failed(&h->breaker, h->check, now_us);
	if (opened)
		describe_opening(h, text, sizeof(text));
	publish(h);
	pthread_mutex_unlock(&h->lock);
	tell(h, text);
	return opened;
}

void health_connected(struct health *h, unsigned loop, int64_t now_us)
{
	char text[400] = "";
	int64_t since_us;

	atomic_store_explicit(&h->parts[loop].connected, true, memory_order_relaxed);
	pthread_mutex_lock(&h->lock);
	since_us = h->breaker.since_us;
	if (breaker_connected(&h->breaker, now_us))
		describe_closing(h, now_us, since_us, text, sizeof(text));
	publish(h);
	pthread_mutex_unlock(&h->lock);
	tell(h, text);
}

void health_disconnected(struct health *h, unsigned loop)
{
	atomic_store_explicit(&h->parts[loop].connected, false, memory_order_relaxed);
}

enum health_probe health_take_probe(struct health *h, int64_t now_us)
{
	enum health_probe probe = HEALTH_NO_PROBE;

	if (atomic_load_explicit(&h->state, memory_order_relaxed) != BREAKER_OPEN ||
	    now_us < atomic_load_explicit(&h->retry_us, memory_order_relaxed))
		return probe;
	pthread_mutex_lock(&h->lock);
	if (breaker_take_probe(&h->breaker, now_us))
		probe = h->breaker.unreachable ? HEALTH_PROBE_CONNECT : HEALTH_PROBE_CALL;
	publish(h);
	pthread_mutex_unlock(&h->lock);
	return probe;
}

/* ---- for people ---- */

void app_log_endpoint(struct tars_app *app, const char *text)
{
	struct log_subject subject = { .prefix = app->conf.module ? app->conf.module : "client" };

	log_every(LOG_GATE_MS, LOG_LEVEL_WARN, &subject, "%s", text);
}

static const char *state_text(const struct breaker *b)
{
	if (b->state == BREAKER_CLOSED)
		return "usable";
	if (b->state == BREAKER_PROBING)
		return "probing";
	return b->unreachable ? "unreachable" : "shielded";
}

void health_get_info(struct health *h, struct health_info *info)
{
	int64_t now = reactor_clock();

	*info = (struct health_info){ .n_ok = sum_ok(h, now).total, .error_age_ms = -1 };
	memcpy(info->endpoint, h->text, sizeof(info->endpoint));
	for (unsigned i = 0; i < h->n_parts; i++) {
		const struct health_part *part = &h->parts[i];

		info->in_flight += atomic_load_explicit(&part->in_flight, memory_order_relaxed);
		info->connections += atomic_load_explicit(&part->connected, memory_order_relaxed);
	}
	pthread_mutex_lock(&h->lock);
	info->state = state_text(&h->breaker);
	info->n_failed = h->n_failed;
	info->n_shielded = h->n_shielded;
	if (h->breaker.state == BREAKER_OPEN && h->breaker.retry_us > now)
		info->retry_in_ms = (h->breaker.retry_us - now + 999) / 1000;
	if (h->failed_us)
		info->error_age_ms = (now - h->failed_us) / 1000;
	memcpy(info->error, h->error, sizeof(info->error));
	pthread_mutex_unlock(&h->lock);
}

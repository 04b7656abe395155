/* Interop::Echo in C: Interop.CServer.EchoObj. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "Interop.h"

static int echoAll(struct tars_req *rq, const struct Interop_Echo_echoAll_in *in,
		   struct Interop_Echo_echoAll_out *out)
{
	(void)rq;
	out->back = in->given;
	return TARS_OK;
}

static int echoPrims(struct tars_req *rq, const struct Interop_Echo_echoPrims_in *in,
		     struct Interop_Echo_echoPrims_out *out)
{
	(void)rq;
	out->yes2 = in->yes;
	out->i82 = in->i8;
	out->i162 = in->i16;
	out->i322 = in->i32;
	out->i642 = in->i64;
	out->f322 = in->f32;
	out->f642 = in->f64;
	out->text2 = in->text;
	out->u82 = in->u8;
	out->u162 = in->u16;
	out->u322 = in->u32;
	out->color2 = in->color;
	return TARS_OK;
}

static int add(struct tars_req *rq, const struct Interop_Echo_add_in *in,
	       struct Interop_Echo_add_out *out)
{
	(void)rq;
	out->sum = (int32_t)((uint32_t)in->a + (uint32_t)in->b);
	return TARS_OK;
}

static int big(struct tars_req *rq, const struct Interop_Echo_big_in *in,
	       struct Interop_Echo_big_out *out)
{
	(void)rq;
	out->ret = in->text;
	return TARS_OK;
}

static int fail(struct tars_req *rq, const struct Interop_Echo_fail_in *in,
		struct Interop_Echo_fail_out *out)
{
	(void)out;
	return in->code ? tars_fail(rq, in->code, "code %d as asked", in->code) : TARS_OK;
}

/* The API looks keys up and lists none: these are those that the clients send. */
static int context(struct tars_req *rq, const struct Interop_Echo_context_in *in,
		   struct Interop_Echo_context_out *out)
{
	static const char *const keys[] = { "first", "second", "empty" };

	(void)in;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const char *value = tars_context(rq, keys[i]);

		if (!value)
			continue;
		*TARS_PUSH(rq, &out->seen) = (struct tars_string_string_pair){
			.key = tars_strf(rq, "%s", keys[i]), .val = tars_strf(rq, "%s", value),
		};
	}
	tars_set_reply_context(rq, "seen", tars_strf(rq, "%u", out->seen.n).p);
	tars_set_reply_context(rq, "where", tars_config(tars_app_of(rq),
							"/tars/application/server<localip>", "?"));
	return TARS_OK;
}

/* What was noted, the newest over the oldest. */
static struct { char text[80]; int n; } notes[64];
static unsigned next_note;
static pthread_mutex_t notes_lock = PTHREAD_MUTEX_INITIALIZER;

static int *find_note(const struct tars_str *what)
{
	for (unsigned i = 0; i < 64; i++)
		if (!strcmp(notes[i].text, what->p))
			return &notes[i].n;
	return NULL;
}

static int note(struct tars_req *rq, const struct Interop_Echo_note_in *in,
		struct Interop_Echo_note_out *out)
{
	int *n;

	(void)out;
	if (!in->what.n || in->what.n >= sizeof(notes[0].text))
		return tars_fail(rq, TARS_EARG, "a note has 1 to %zu bytes",
				 sizeof(notes[0].text) - 1);
	pthread_mutex_lock(&notes_lock);
	n = find_note(&in->what);
	if (!n) {
		memcpy(notes[next_note].text, in->what.p, in->what.n + 1);
		n = &notes[next_note].n;
		*n = 0;
		next_note = (next_note + 1) % 64;
	}
	++*n;
	pthread_mutex_unlock(&notes_lock);
	return TARS_OK;
}

static int noted(struct tars_req *rq, const struct Interop_Echo_noted_in *in,
		 struct Interop_Echo_noted_out *out)
{
	const int *n;

	(void)rq;
	pthread_mutex_lock(&notes_lock);
	n = in->what.n ? find_note(&in->what) : NULL;
	out->ret = n ? *n : 0;
	pthread_mutex_unlock(&notes_lock);
	return TARS_OK;
}

static const struct Interop_Echo echo = {
	.echoAll = echoAll, .echoPrims = echoPrims, .add = add, .big = big, .fail = fail,
	.context = context, .note = note, .noted = noted,
};

static const struct tars_servant servants[] = {
	{ .name = "Interop.CServer.EchoObj", .iface = &Interop_Echo_iface, .impl = &echo,
	  .run = TARS_RUN_POOL },
	{ 0 }
};

int main(int argc, char **argv)
{
	return tars_main(argc, argv, &(struct tars_service){ .servants = servants });
}

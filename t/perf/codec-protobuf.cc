/* The reference of codec-bench: protobuf's generated C++ with arenas, on messages of equal content. */
#include <stdlib.h>

#include <string>

#include <google/protobuf/arena.h>

#include "Codec.pb.h"
#include "codec-bench.h"

using google::protobuf::Arena;
using google::protobuf::ArenaOptions;
using google::protobuf::Message;

static const size_t BLOCK_SIZE = 512 << 10; /* as codec-bench gives our arena */
static char *block, encoded[N_MESSAGES][64 << 10];
static size_t size[N_MESSAGES];
static Arena *values, *decoded;
static Message *value[N_MESSAGES], *reused[N_MESSAGES];

static std::string text(const struct tars_str &s)
{
	return std::string(s.p, s.n);
}

static void fill(perf_pb::Small *to, const struct Perf_Small &from)
{
	to->set_id(from.id);
	to->set_kind(from.kind);
	to->set_level(from.level);
	to->set_score(from.score);
	to->set_seen(from.seen);
	to->set_name(text(from.name));
}

static void fill(perf_pb::Medium *to, const struct Perf_Medium &from)
{
	to->set_id(from.id);
	to->set_active(from.active);
	to->set_kind(from.kind);
	to->set_level(from.level);
	to->set_score(from.score);
	to->set_name(text(from.name));
	to->set_retries(from.retries);
	to->set_port(from.port);
	to->set_address(from.address);
	to->set_ratio(from.ratio);
	to->set_mean(from.mean);
	to->set_host(text(from.host));
	to->set_created(from.created);
	to->set_changed(from.changed);
	to->set_width(from.width);
	to->set_height(from.height);
	to->set_hidden(from.hidden);
	to->set_comment(text(from.comment));
	to->set_weight(from.weight);
	to->set_digest(from.digest.p, from.digest.n);
	for (uint32_t i = 0; i < from.numbers.n; i++)
		to->add_numbers(from.numbers.v[i]);
	for (uint32_t i = 0; i < from.texts.n; i++)
		(*to->mutable_texts())[text(from.texts.v[i].key)] = text(from.texts.v[i].val);
}

static Message *create(enum message m, Arena *a)
{
	switch (m) {
	case SMALL:
		return Arena::CreateMessage<perf_pb::Small>(a);
	case MEDIUM:
		return Arena::CreateMessage<perf_pb::Medium>(a);
	default:
		return Arena::CreateMessage<perf_pb::Large>(a);
	}
}

void protobuf_setup(const struct samples *s)
{
	ArenaOptions options;

	block = static_cast<char *>(malloc(BLOCK_SIZE));
	options.initial_block = block;
	options.initial_block_size = BLOCK_SIZE;
	values = new Arena;
	decoded = new Arena(options);
	for (int m = 0; m < N_MESSAGES; m++) {
		value[m] = create(static_cast<enum message>(m), values);
		reused[m] = create(static_cast<enum message>(m), values);
	}
	fill(static_cast<perf_pb::Small *>(value[SMALL]), s->small);
	fill(static_cast<perf_pb::Medium *>(value[MEDIUM]), s->medium);
	for (uint32_t i = 0; i < s->large.items.n; i++)
		fill(static_cast<perf_pb::Large *>(value[LARGE])->add_items(), s->large.items.v[i]);
	for (int m = 0; m < N_MESSAGES; m++)
		size[m] = protobuf_encode(static_cast<enum message>(m));
}

size_t protobuf_encode(enum message m)
{
	if (!value[m]->SerializeToArray(encoded[m], sizeof(encoded[m])))
		abort();
	return static_cast<size_t>(value[m]->GetCachedSize());
}

static void parse(Message *to, enum message m)
{
	if (!to->ParseFromArray(encoded[m], static_cast<int>(size[m])))
		abort();
}

/* The arena is emptied, not made anew, which costs protobuf less. */
void protobuf_decode(enum message m)
{
	decoded->Reset();
	parse(create(m, decoded), m);
}

void protobuf_decode_again(enum message m)
{
	parse(reused[m], m);
}

void protobuf_end(void)
{
	delete decoded;
	delete values;
	free(block);
	google::protobuf::ShutdownProtobufLibrary();
}

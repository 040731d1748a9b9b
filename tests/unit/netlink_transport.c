/* SPDX-License-Identifier: Apache-2.0 */
/* The exchange of requests and replies with a scripted kernel: what is an answer and what is not, and
 * that nothing is left behind when an exchange breaks (T9, T10, T11, T57). */
#include <check.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "netlink/transport.h"
#include "netlink_script.h"

#define TIMEOUT_MS 30u
#define DATA_TYPE  32u

static struct transport transport;
static struct outcome outcome;

static void open_transport(void)
{
    script_reset();
    ck_assert_int_eq(transport_open(&transport, NETLINK_GENERIC, true, TIMEOUT_MS), 0);
    ck_assert_uint_eq(script.opened, 1);
}

static void close_transport(void)
{
    transport_close(&transport);
    ck_assert_uint_eq(script.closed, script.opened);
    script_reset();
}

static int32_t request(void)
{
    struct nlmsghdr header = {.nlmsg_len = sizeof(header), .nlmsg_type = DATA_TYPE};
    return transport_request(&transport, &header, NULL, &outcome);
}

/* What a dump's reader saw. */
static uint32_t restarts, messages;
static int32_t read_result;

static void count_restart(void *context)
{
    (void)context;
    restarts++;
    messages = 0;
}

static int32_t count_message(void *context, struct nlmsghdr *message)
{
    (void)context;
    if (message->nlmsg_type != DATA_TYPE)
        ck_abort_msg("type %u", message->nlmsg_type);
    messages++;
    return read_result;
}

static int32_t dump(void)
{
    struct nlmsghdr header = {
        .nlmsg_len = sizeof(header), .nlmsg_type = DATA_TYPE, .nlmsg_flags = NLM_F_DUMP};
    const struct message_reader reader = {.restart = count_restart, .read = count_message};
    restarts = 0;
    messages = 0;
    return transport_request(&transport, &header, &reader, &outcome);
}

static void answer_well(const struct nlmsghdr *requests, size_t length)
{
    (void)length;
    if ((requests->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP) {
        script_reply(requests, DATA_TYPE, NLM_F_MULTI, "data", 4);
        script_done(requests, 0);
    } else {
        script_acknowledge(requests, 0, NULL);
    }
}

/* The exchange broke: the socket is another one, and the next request works. */
static void assert_replaced(uint32_t opened_before)
{
    ck_assert_uint_eq(script.opened, opened_before + 1);
    ck_assert_uint_eq(script.closed, script.opened - 1);
    script.answer = answer_well;
    ck_assert_int_eq(request(), 0);
    ck_assert_int_eq(dump(), 0);
    ck_assert_uint_eq(messages, 1);
    ck_assert_uint_eq(script.opened, opened_before + 1);
}

/* Acknowledgements. */

START_TEST(an_acknowledgement_ends_a_request)
{
    script.answer = answer_well;
    ck_assert_int_eq(request(), 0);
    ck_assert(outcome.from_kernel);
    ck_assert(!outcome.state_unknown);
    ck_assert_str_eq(outcome.sentence, "");
    ck_assert(sodium_is_zero(transport.buffer, LIMIT_RECEIVE_BYTES));
}
END_TEST

static const char *sentence;

static void answer_refusing(const struct nlmsghdr *requests, size_t length)
{
    (void)length;
    script_acknowledge(requests, -EOPNOTSUPP, sentence);
}

START_TEST(a_refusal_carries_the_kernels_sentence)
{
    char longest[600];
    script.answer = answer_refusing;
    sentence = "Unknown device type";
    ck_assert_int_eq(request(), -EOPNOTSUPP);
    ck_assert(outcome.from_kernel);
    ck_assert_str_eq(outcome.sentence, sentence);
    sentence = "a\x1b[2Jb\n";
    ck_assert_int_eq(request(), -EOPNOTSUPP);
    ck_assert_str_eq(outcome.sentence, "a\\x1b[2Jb\\x0a");
    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    sentence = longest;
    ck_assert_int_eq(request(), -EOPNOTSUPP);
    ck_assert_uint_lt(strlen(outcome.sentence), OUTCOME_SENTENCE_SIZE);
    sentence = NULL;
    ck_assert_int_eq(request(), -EOPNOTSUPP);
    ck_assert_str_eq(outcome.sentence, "");
    ck_assert_uint_eq(script.opened, 1);
}
END_TEST

START_TEST(a_refusal_is_reported_in_words)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    script.answer = answer_refusing;
    sentence = "Unknown device type";
    (void)request();
    ck_assert_int_eq(outcome_report(&outcome, &error, "add thing", "add thing %d", 7), -EOPNOTSUPP);
    ck_assert_str_eq(error.text,
                     "add thing 7: operation not supported (kernel: Unknown device type)");
    ck_assert_str_eq(error.operation, "add thing");
    ck_assert_int_eq(error.kernel_errno, EOPNOTSUPP);
    ck_assert_uint_eq(error.reason, SUBWG_REASON_KERNEL);
    ck_assert_uint_eq(error.flags, 0);
}
END_TEST

/* Acknowledgements as older kernels write them, and as none does. */
static struct {
    uint16_t flags;
    int32_t code;
    uint8_t tail[64]; /* behind the code and the request's header */
    size_t tail_length;
    size_t cut; /* bytes missing at the end */
} raw;

static void answer_raw(const struct nlmsghdr *requests, size_t length)
{
    uint8_t payload[128] = {0};
    struct nlmsgerr error = {.error = raw.code, .msg = *requests};
    (void)length;
    memcpy(payload, &error, sizeof(error));
    memcpy(payload + sizeof(error), raw.tail, raw.tail_length);
    script_reply(requests, NLMSG_ERROR, raw.flags, payload,
                 sizeof(error) + raw.tail_length - raw.cut);
}

START_TEST(a_sentence_that_is_none_is_left_out)
{
    static const struct {
        uint16_t flags;
        uint8_t tail[12];
        size_t length;
        const char *sentence;
    } cases[] = {
        {NLM_F_CAPPED | NLM_F_ACK_TLVS, {7, 0, NLMSGERR_ATTR_MSG, 0, 'h', 'i', 0, 0}, 8, "hi"},
        {NLM_F_ACK_TLVS, {7, 0, NLMSGERR_ATTR_MSG, 0, 'h', 'i', 0, 0}, 8, "hi"},
        {NLM_F_CAPPED, {7, 0, NLMSGERR_ATTR_MSG, 0, 'h', 'i', 0, 0}, 8, ""},
        {NLM_F_CAPPED | NLM_F_ACK_TLVS, {6, 0, NLMSGERR_ATTR_MSG, 0, 'h', 'i'}, 6, ""},
        {NLM_F_CAPPED | NLM_F_ACK_TLVS, {4, 0, NLMSGERR_ATTR_MSG, 0}, 4, ""},
        {NLM_F_CAPPED | NLM_F_ACK_TLVS, {99, 0, NLMSGERR_ATTR_MSG, 0, 'h', 'i', 0, 0}, 8, ""},
        {NLM_F_CAPPED | NLM_F_ACK_TLVS, {8, 0, NLMSGERR_ATTR_OFFS, 0, 1, 2, 3, 4}, 8, ""}};
    script.answer = answer_raw;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(&raw, 0, sizeof(raw));
        raw.flags = cases[i].flags;
        raw.code = -EINVAL;
        raw.tail_length = cases[i].length;
        memcpy(raw.tail, cases[i].tail, cases[i].length);
        ck_assert_int_eq(request(), -EINVAL);
        ck_assert_msg(strcmp(outcome.sentence, cases[i].sentence) == 0, "case %zu: %s", i,
                      outcome.sentence);
    }
}
END_TEST

START_TEST(an_impossible_acknowledgement_breaks_the_exchange)
{
    static const struct {
        int32_t code;
        size_t cut;
    } cases[] = {{1, 0}, {INT32_MIN, 0}, {-4096, 0}, {0, 1}, {0, sizeof(struct nlmsgerr)}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t opened = script.opened;
        memset(&raw, 0, sizeof(raw));
        raw.code = cases[i].code;
        raw.cut = cases[i].cut;
        script.answer = answer_raw;
        ck_assert_int_eq(request(), -EBADMSG);
        ck_assert(!outcome.from_kernel);
        ck_assert(outcome.state_unknown);
        assert_replaced(opened);
    }
}
END_TEST

/* What is no answer. */

static void answer_among_others(const struct nlmsghdr *requests, size_t length)
{
    uint8_t bytes[64];
    int32_t refused = -EPERM;
    struct nlmsghdr other = *requests;
    (void)length;
    other.nlmsg_seq = requests->nlmsg_seq - 1;
    script_acknowledge(&other, refused, "of the last request");
    other.nlmsg_seq = requests->nlmsg_seq + 1;
    script_acknowledge(&other, refused, "of the next request");
    /* From a process, not the kernel. */
    size_t size = script_message(bytes, requests, NLMSG_ERROR, 0, &refused, sizeof(refused));
    script_datagram(bytes, size, 4711, 0);
    /* To another port. */
    script.port_id++;
    script_acknowledge(requests, refused, "to another port");
    script.port_id--;
    script_reply(requests, NLMSG_NOOP, 0, NULL, 0);
    script_receive_error(EINTR);
    script_acknowledge(requests, -ENODEV, NULL);
}

START_TEST(what_is_no_answer_is_ignored)
{
    script.answer = answer_among_others;
    ck_assert_int_eq(request(), -ENODEV);
    ck_assert_str_eq(outcome.sentence, "");
    ck_assert_uint_eq(script.opened, 1);
}
END_TEST

START_TEST(no_answer_in_time_replaces_the_socket)
{
    ck_assert_int_eq(request(), -ETIMEDOUT);
    ck_assert(!outcome.from_kernel);
    ck_assert(outcome.state_unknown);
    assert_replaced(1);
}
END_TEST

static void answer_endlessly(const struct nlmsghdr *requests, size_t length)
{
    struct nlmsghdr other = *requests;
    (void)length;
    other.nlmsg_seq--;
    for (uint32_t i = 0; i < 200; i++)
        script_acknowledge(&other, 0, NULL);
}

START_TEST(others_messages_do_not_prolong_the_wait)
{
    script.answer = answer_endlessly;
    ck_assert_int_eq(request(), -ETIMEDOUT);
    assert_replaced(1);
}
END_TEST

static uint32_t stale_sequence;

static void answer_late(const struct nlmsghdr *requests, size_t length)
{
    struct nlmsghdr stale = *requests;
    (void)length;
    stale.nlmsg_seq = stale_sequence;
    script_acknowledge(&stale, -EPERM, NULL);
    script_acknowledge(requests, 0, NULL);
}

static void remember(const struct nlmsghdr *requests, size_t length)
{
    (void)length;
    stale_sequence = requests->nlmsg_seq;
}

START_TEST(a_late_answer_is_not_the_next_ones)
{
    script.answer = remember;
    ck_assert_int_eq(request(), -ETIMEDOUT);
    script.answer = answer_late;
    ck_assert_int_eq(request(), 0);
}
END_TEST

/* What breaks an exchange. */

static int break_kind;

static void answer_broken(const struct nlmsghdr *requests, size_t length)
{
    static const uint8_t huge[LIMIT_RECEIVE_BYTES + 4];
    uint8_t bytes[64];
    struct nlmsghdr header;
    size_t size = script_message(bytes, requests, DATA_TYPE, 0, "data", 4);
    (void)length;
    memcpy(&header, bytes, sizeof(header));
    if (break_kind < 4) {
        static const uint32_t lengths[] = {0, 15, 21, UINT32_MAX};
        header.nlmsg_len = lengths[break_kind];
        memcpy(bytes, &header, sizeof(header));
        script_datagram(bytes, size, 0, 0);
    }
    if (break_kind == 4)
        script_datagram(bytes, 15, 0, 0);
    if (break_kind == 5)
        script_datagram(huge, sizeof(huge), 0, 0);
    if (break_kind == 6)
        script_reply(requests, NLMSG_OVERRUN, 0, NULL, 0);
    if (break_kind == 7)
        script_receive_error(ENOBUFS);
    if (break_kind == 8)
        script_done(requests, 0); /* of a request that is no dump */
}

START_TEST(a_broken_reply_replaces_the_socket)
{
    static const int32_t codes[] = {-EBADMSG,  -EBADMSG, -EBADMSG, -EBADMSG, -EBADMSG,
                                    -EMSGSIZE, -ENOBUFS, -ENOBUFS, -EBADMSG};
    break_kind = _i;
    script.answer = answer_broken;
    ck_assert_int_eq(request(), codes[_i]);
    ck_assert(outcome.state_unknown);
    ck_assert(sodium_is_zero(transport.buffer, LIMIT_RECEIVE_BYTES));
    assert_replaced(1);
}
END_TEST

START_TEST(what_was_not_sent_has_no_effect)
{
    script.answer = answer_well;
    script.send_error = EINTR;
    ck_assert_int_eq(request(), 0);
    script.send_error = ENOBUFS;
    ck_assert_int_eq(request(), -ENOBUFS);
    ck_assert(!outcome.state_unknown);
    ck_assert_uint_eq(script.opened, 1);
    ck_assert_int_eq(request(), 0);
}
END_TEST

START_TEST(a_socket_that_cannot_be_replaced_is_tried_again)
{
    script.open_error = EMFILE;
    ck_assert_int_eq(request(), -ETIMEDOUT);
    ck_assert_ptr_null(transport.socket);
    ck_assert_int_eq(request(), -EMFILE);
    ck_assert(!outcome.state_unknown);
    script.open_error = 0;
    script.answer = answer_well;
    ck_assert_int_eq(request(), 0);
    ck_assert_uint_eq(script.opened, 2);
}
END_TEST

START_TEST(a_socket_is_not_replaced_in_another_namespace)
{
    struct transport second;
    script.cookie = 7;
    ck_assert_int_eq(transport_open(&second, NETLINK_GENERIC, false, TIMEOUT_MS), 0);
    struct nlmsghdr header = {.nlmsg_len = sizeof(header), .nlmsg_type = DATA_TYPE};
    script.cookie = 8;
    ck_assert_int_eq(transport_request(&second, &header, NULL, &outcome), -ETIMEDOUT);
    ck_assert_int_eq(transport_request(&second, &header, NULL, &outcome), -ENONET);
    struct subwg_error error = SUBWG_ERROR_INIT;
    outcome_report(&outcome, &error, "x", "x");
    ck_assert_uint_eq(error.reason, SUBWG_REASON_NAMESPACE);
    script.cookie = 7;
    script.answer = answer_well;
    ck_assert_int_eq(transport_request(&second, &header, NULL, &outcome), 0);
    transport_close(&second);
}
END_TEST

START_TEST(a_socket_that_does_not_open)
{
    struct transport second;
    script.open_error = EMFILE;
    ck_assert_int_eq(transport_open(&second, NETLINK_GENERIC, false, TIMEOUT_MS), -EMFILE);
    transport_close(&second);
}
END_TEST

/* Dumps. */

static struct {
    uint32_t interrupted; /* first tries that are */
    uint32_t flag_on;     /* which of three messages carries the flag */
    uint32_t no_room;     /* first tries that end with ENOBUFS */
    int32_t code;         /* in the end */
    uint16_t end_type;
    size_t end_length;
    bool acknowledge; /* before the end */
} play;

static void answer_dump(const struct nlmsghdr *requests, size_t length)
{
    (void)length;
    for (uint32_t i = 0; i < 3; i++)
        script_reply(requests, DATA_TYPE,
                     (uint16_t)(NLM_F_MULTI |
                                (play.interrupted > 0 && i == play.flag_on ? NLM_F_DUMP_INTR : 0)),
                     "data", 4);
    if (play.acknowledge)
        script_acknowledge(requests, 0, NULL);
    if (play.no_room > 0)
        script_receive_error(ENOBUFS);
    else if (play.end_type == NLMSG_ERROR)
        script_acknowledge(requests, play.code, NULL);
    else
        script_reply(requests, NLMSG_DONE, NLM_F_MULTI, &play.code, play.end_length);
    play.interrupted -= play.interrupted > 0;
    play.no_room -= play.no_room > 0;
}

static void play_dump(void)
{
    memset(&play, 0, sizeof(play));
    play.end_type = NLMSG_DONE;
    play.end_length = sizeof(int32_t);
    read_result = 0;
    script.answer = answer_dump;
}

START_TEST(a_dump_is_read_to_its_end)
{
    play_dump();
    ck_assert_int_eq(dump(), 0);
    ck_assert_uint_eq(messages, 3);
    ck_assert_uint_eq(restarts, 1);
    play.end_length = 0; /* allowed */
    ck_assert_int_eq(dump(), 0);
    play.acknowledge = true;
    ck_assert_int_eq(dump(), 0);
    ck_assert_uint_eq(messages, 3);
    ck_assert(sodium_is_zero(transport.buffer, LIMIT_RECEIVE_BYTES));
    ck_assert_uint_eq(script.opened, 1);
}
END_TEST

START_TEST(an_error_at_the_end_of_a_dump_counts)
{
    static const int32_t codes[] = {-ENODEV, -EOPNOTSUPP, -EPERM, -ENOMEM, -EINVAL};
    static const uint16_t types[] = {NLMSG_DONE, NLMSG_ERROR};
    play_dump();
    for (size_t type = 0; type < 2; type++)
        for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
            play.end_type = types[type];
            play.code = codes[i];
            ck_assert_int_eq(dump(), codes[i]);
            ck_assert(outcome.from_kernel);
            ck_assert(!outcome.state_unknown);
        }
    ck_assert_uint_eq(script.opened, 1);
}
END_TEST

START_TEST(an_end_that_is_cut_off_breaks_the_dump)
{
    for (size_t length = 1; length < 4; length++) {
        uint32_t opened = script.opened;
        play_dump();
        play.end_length = length;
        ck_assert_int_eq(dump(), -EBADMSG);
        ck_assert(!outcome.state_unknown);
        assert_replaced(opened);
    }
}
END_TEST

START_TEST(an_interrupted_dump_is_run_again)
{
    for (uint32_t flag_on = 0; flag_on < 3; flag_on++) {
        play_dump();
        play.flag_on = flag_on;
        play.interrupted = LIMIT_DUMP_TRIES - 1;
        ck_assert_int_eq(dump(), 0);
        ck_assert_uint_eq(restarts, LIMIT_DUMP_TRIES);
        ck_assert_uint_eq(messages, 3);
    }
    ck_assert_uint_eq(script.opened, 1);
}
END_TEST

START_TEST(a_dump_interrupted_for_ever_is_given_up)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    play_dump();
    play.interrupted = 1000;
    ck_assert_int_eq(dump(), -EINTR);
    ck_assert_uint_eq(restarts, LIMIT_DUMP_TRIES);
    outcome_report(&outcome, &error, "read", "read");
    ck_assert_uint_eq(error.reason, SUBWG_REASON_INTERRUPTED);
    ck_assert_uint_eq(script.opened, 1);
}
END_TEST

START_TEST(a_dump_that_lost_messages_is_run_again)
{
    play_dump();
    play.no_room = 2;
    ck_assert_int_eq(dump(), 0);
    ck_assert_uint_eq(restarts, 3);
    ck_assert_uint_eq(messages, 3);
    play.no_room = 1000;
    ck_assert_int_eq(dump(), -ENOBUFS);
    ck_assert_uint_eq(restarts, LIMIT_DUMP_TRIES);
}
END_TEST

START_TEST(a_dump_that_cannot_be_read_leaves_nothing_behind)
{
    play_dump();
    read_result = -EBADMSG;
    ck_assert_int_eq(dump(), -EBADMSG);
    ck_assert_uint_eq(messages, 1);
    ck_assert(sodium_is_zero(transport.buffer, LIMIT_RECEIVE_BYTES));
    read_result = 0;
    script.answer = NULL;
    /* The rest of the dump is still queued here; the kernel's would be gone with the socket. */
    assert_replaced(1);
}
END_TEST

static void answer_without_end(const struct nlmsghdr *requests, size_t length)
{
    (void)length;
    for (uint32_t i = 0; i < 100; i++)
        script_reply(requests, DATA_TYPE, NLM_F_MULTI, "data", 4);
}

START_TEST(a_dump_without_end_is_given_up)
{
    read_result = 0;
    script.answer = answer_without_end;
    ck_assert_int_eq(dump(), -ETIMEDOUT);
    ck_assert_uint_eq(messages, 100);
    ck_assert_uint_eq(restarts, 1);
    assert_replaced(1);
}
END_TEST

static struct nlmsghdr endless_request;

static void remember_request(const struct nlmsghdr *requests, size_t length)
{
    (void)length;
    endless_request = *requests;
}

static void send_the_largest(void)
{
    static const uint8_t payload[LIMIT_RECEIVE_BYTES - sizeof(struct nlmsghdr)];
    script_reply(&endless_request, DATA_TYPE, NLM_F_MULTI, payload, sizeof(payload));
}

START_TEST(a_dump_larger_than_any_is_given_up)
{
    read_result = 0;
    transport.reply_timeout_ms = 60000;
    script.answer = remember_request;
    script.empty = send_the_largest;
    ck_assert_int_eq(dump(), -EMSGSIZE);
    ck_assert_uint_eq(messages, LIMIT_DUMP_BYTES / LIMIT_RECEIVE_BYTES);
    script.empty = NULL;
    assert_replaced(1);
}
END_TEST

/* Batches. */

static int32_t batch_codes[LIMIT_PENDING_REPLIES];
static uint32_t batch_answered; /* the last acknowledgement is only sent if all are */

static bool batch_tells; /* something to each request that is not refused */
static uint32_t batch_told[LIMIT_PENDING_REPLIES]; /* sequence numbers */

static int32_t take_told(void *context, struct nlmsghdr *message)
{
    (void)context;
    ck_assert_uint_lt(messages, LIMIT_PENDING_REPLIES);
    batch_told[messages++] = message->nlmsg_seq;
    return read_result;
}

static void answer_batch(const struct nlmsghdr *requests, size_t length)
{
    const struct nlmsghdr *message = requests;
    uint32_t count = (uint32_t)(length / sizeof(*message));
    for (uint32_t i = 0; i < count; i++, message++) {
        ck_assert_uint_eq(message->nlmsg_seq, requests->nlmsg_seq + i);
        ck_assert_uint_eq((message->nlmsg_flags & NLM_F_ACK) != 0, i + 1 == count);
        if (batch_tells && batch_codes[i] == 0)
            script_reply(message, DATA_TYPE, 0, NULL, 0);
        if (i < batch_answered && (batch_codes[i] != 0 || i + 1 == count))
            script_acknowledge(message, batch_codes[i], batch_codes[i] != 0 ? "why" : NULL);
    }
}

static int32_t batch(uint32_t count, int32_t *results)
{
    struct nlmsghdr headers[LIMIT_PENDING_REPLIES + 1] = {0};
    for (uint32_t i = 0; i < LIMIT_PENDING_REPLIES + 1; i++) {
        headers[i] = (struct nlmsghdr){.nlmsg_len = sizeof(*headers), .nlmsg_type = DATA_TYPE};
        results[i] = 1;
    }
    const struct message_reader reader = {.read = take_told};
    script.answer = answer_batch;
    messages = 0;
    return transport_batch(&transport, headers, count * sizeof(*headers), count,
                           batch_tells ? &reader : NULL, results, &outcome);
}

START_TEST(each_request_of_a_batch_has_its_result)
{
    int32_t results[LIMIT_PENDING_REPLIES + 1];
    memset(batch_codes, 0, sizeof(batch_codes));
    batch_answered = LIMIT_PENDING_REPLIES;
    ck_assert_int_eq(batch(LIMIT_PENDING_REPLIES, results), 0);
    for (uint32_t i = 0; i < LIMIT_PENDING_REPLIES; i++)
        ck_assert_int_eq(results[i], 0);
    ck_assert_int_eq(results[LIMIT_PENDING_REPLIES], 1);
    batch_codes[3] = -EEXIST;
    batch_codes[5] = -EINVAL;
    batch_codes[7] = -ENODEV;
    ck_assert_int_eq(batch(8, results), -EEXIST);
    ck_assert_str_eq(outcome.sentence, "why");
    for (uint32_t i = 0; i < 8; i++)
        ck_assert_int_eq(results[i], batch_codes[i]);
    ck_assert_uint_eq(script.opened, 1);
    ck_assert_int_eq(batch(0, results), -EINVAL);
    ck_assert_int_eq(batch(LIMIT_PENDING_REPLIES + 1, results), -EINVAL);
}
END_TEST

START_TEST(a_batch_that_breaks_off)
{
    int32_t results[LIMIT_PENDING_REPLIES + 1];
    memset(batch_codes, 0, sizeof(batch_codes));
    batch_codes[2] = -EEXIST;
    batch_answered = 4;
    ck_assert_int_eq(batch(8, results), -ETIMEDOUT);
    ck_assert(outcome.state_unknown);
    ck_assert_int_eq(results[0], 0);
    ck_assert_int_eq(results[1], 0);
    ck_assert_int_eq(results[2], -EEXIST);
    for (uint32_t i = 3; i < 8; i++)
        ck_assert_int_eq(results[i], -ETIMEDOUT);
    assert_replaced(1);
    script.send_error = ENOBUFS;
    ck_assert_int_eq(batch(2, results), -ENOBUFS);
    ck_assert_int_eq(results[0], -ENOBUFS);
    ck_assert_int_eq(results[1], -ENOBUFS);
    ck_assert(!outcome.state_unknown);
}
END_TEST

START_TEST(what_a_batch_asked_for_is_read)
{
    int32_t results[LIMIT_PENDING_REPLIES + 1];
    memset(batch_codes, 0, sizeof(batch_codes));
    batch_tells = true;
    batch_answered = LIMIT_PENDING_REPLIES;
    batch_codes[1] = -ENETUNREACH;
    read_result = 0;
    uint32_t first = transport.sequence + 1;
    ck_assert_int_eq(batch(4, results), -ENETUNREACH);
    ck_assert_uint_eq(messages, 3);
    for (uint32_t i = 0; i < 3; i++)
        ck_assert_uint_eq(batch_told[i] - first, i == 0 ? 0 : i + 1);
    ck_assert_int_eq(results[0] + results[2] + results[3], 0);
    ck_assert_int_eq(results[1], -ENETUNREACH);
    read_result = -EBADMSG;
    ck_assert_int_eq(batch(4, results), -EBADMSG);
    ck_assert(!outcome.state_unknown);
    read_result = 0;
    assert_replaced(1);
}
END_TEST

static void add_case(Suite *suite, const char *name, const TTest *const *tests, size_t count)
{
    TCase *test_case = tcase_create(name);
    tcase_add_checked_fixture(test_case, open_transport, close_transport);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(test_case, tests[i]);
    suite_add_tcase(suite, test_case);
}

#define ADD_CASE(suite, name, ...)                                      \
    do {                                                                \
        const TTest *const tests[] = {__VA_ARGS__};                     \
        add_case(suite, name, tests, sizeof(tests) / sizeof(tests[0])); \
    } while (0)

int main(void)
{
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    Suite *suite = suite_create("netlink_transport");
    ADD_CASE(suite, "acknowledgement", an_acknowledgement_ends_a_request,
             a_refusal_carries_the_kernels_sentence, a_refusal_is_reported_in_words,
             a_sentence_that_is_none_is_left_out,
             an_impossible_acknowledgement_breaks_the_exchange);
    ADD_CASE(suite, "no answer", what_is_no_answer_is_ignored,
             no_answer_in_time_replaces_the_socket, others_messages_do_not_prolong_the_wait,
             a_late_answer_is_not_the_next_ones);
    ADD_CASE(suite, "failure", what_was_not_sent_has_no_effect,
             a_socket_that_cannot_be_replaced_is_tried_again,
             a_socket_is_not_replaced_in_another_namespace, a_socket_that_does_not_open);
    TCase *broken = tcase_create("broken");
    tcase_add_checked_fixture(broken, open_transport, close_transport);
    tcase_add_loop_test(broken, a_broken_reply_replaces_the_socket, 0, 9);
    suite_add_tcase(suite, broken);
    ADD_CASE(suite, "dump", a_dump_is_read_to_its_end, an_error_at_the_end_of_a_dump_counts,
             an_end_that_is_cut_off_breaks_the_dump, an_interrupted_dump_is_run_again,
             a_dump_interrupted_for_ever_is_given_up, a_dump_that_lost_messages_is_run_again,
             a_dump_that_cannot_be_read_leaves_nothing_behind, a_dump_without_end_is_given_up,
             a_dump_larger_than_any_is_given_up);
    ADD_CASE(suite, "batch", each_request_of_a_batch_has_its_result, what_a_batch_asked_for_is_read,
             a_batch_that_breaks_off);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* From copied packets to records of flows: whom they name, when they are over, and what is lost. */
#include "names_in_feed.h"
#include "wire_bytes.h"

/* ---- Flows ---- */

/* Another connection each time. */
static void stream(struct names_in *n, const char *text)
{
	static uint32_t connections;
	struct of_capture c = capture_of(OF_CAPTURE_TCP, IPPROTO_TCP, "203.0.113.9", 80);

	c.seq = c.first = ++connections;
	c.http = 1;
	take(n, c, text, strlen(text));
}

static void is_name(size_t i, enum of_name_source source, const char *host, uint16_t port)
{
	cr_assert_lt(i, told_n);
	cr_assert_eq(told[i].flow.names_n, 1);
	cr_expect_eq(told[i].flow.names[0].source, source);
	cr_expect_str_eq(told[i].flow.names[0].host, host);
	cr_expect_eq(told[i].flow.names[0].port, port);
}

Test(names_flows, a_host_that_is_asked_for)
{
	struct names_in *n = fresh();

	stream(n, "GET / HTTP/1.1\r\nHost: Www.Example.ORG\r\n\r\n");
	cr_assert_eq(told_n, 1);
	is_name(0, OF_NAME_HOST, "www.example.org", 0);
	cr_expect_eq(told[0].flow.flags, OF_FLOW_DONE | OF_FLOW_HTTP | OF_FLOW_READ);
	cr_expect_eq(told[0].flow.exec_id, ASKER);
	cr_expect_eq(told[0].flow.cookie, COOKIE);
	names_in_free(n);
}

Test(names_flows, a_proxy_is_asked_to_get_and_to_connect)
{
	struct names_in *n = fresh();

	stream(n, "GET http://www.example.org/ HTTP/1.1\r\nHost: www.example.org\r\n\r\n");
	is_name(0, OF_NAME_CONNECT, "www.example.org", 80);
	cr_expect_eq(told[0].flow.flags,
		     OF_FLOW_DONE | OF_FLOW_HTTP | OF_FLOW_PROXY | OF_FLOW_READ);
	told_n = 0;
	stream(n, "CONNECT www.example.org:8443 HTTP/1.1\r\nHost: www.example.org\r\n\r\n");
	is_name(0, OF_NAME_CONNECT, "www.example.org", 8443);
	cr_expect_eq(told[0].flow.flags, OF_FLOW_HTTP | OF_FLOW_PROXY | OF_FLOW_READ,
		     "the tunnel may tell more");
	names_in_free(n);
}

static void is_offered(const struct of_rec_flow *r, uint32_t i, const char *id)
{
	cr_assert_lt(i, r->alpn_n);
	cr_expect_eq(r->alpn[i].len, strlen(id));
	cr_expect_eq(memcmp(r->alpn[i].id, id, strlen(id)), 0, "%s", id);
}

/* What real clients offer (RFC 7301). */
Test(names_flows, protocols_that_are_offered)
{
	struct of_capture c = capture_of(OF_CAPTURE_TCP, IPPROTO_TCP, "203.0.113.9", 443);
	const struct of_rec_flow *r = &told[0].flow;
	struct names_in *n = fresh();
	static struct bytes hello;

	bytes_file(&hello, "tls", "chromium");
	take(n, c, hello.data, hello.len);
	cr_assert_eq(told_n, 1);
	is_name(0, OF_NAME_SNI, "www.example.com", 0);
	cr_expect_eq(r->alpn_n, 2);
	is_offered(r, 0, "h2");
	is_offered(r, 1, "http/1.1");
	cr_expect_eq(r->flags & OF_FLOW_ALPN_MORE, 0);
	names_in_free(n);
	n = fresh();
	bytes_file(&hello, "tls", "openssl-frag");
	take(n, c, hello.data, hello.len);
	cr_assert_eq(told_n, 1);
	cr_expect_eq(r->alpn_n, OF_ALPN_MAX, "40 were offered");
	is_offered(r, 7, "proto-07-xxxxxxxxxxxxxxxxxxxx");
	cr_expect(r->flags & OF_FLOW_ALPN_MORE);
	names_in_free(n);
}

/* An address has no name, but is where a proxy is asked to go. */
Test(names_flows, addresses)
{
	struct names_in *n = fresh();

	stream(n, "GET / HTTP/1.1\r\nHost: 203.0.113.9\r\n\r\n");
	cr_assert_eq(told_n, 1);
	cr_expect_eq(told[0].flow.names_n, 0);
	cr_expect_eq(told[0].flow.flags,
		     OF_FLOW_DONE | OF_FLOW_HTTP | OF_FLOW_READ | OF_FLOW_SILENT);
	told_n = 0;
	stream(n, "CONNECT 192.0.2.1:443 HTTP/1.1\r\n\r\n");
	is_name(0, OF_NAME_CONNECT, "192.0.2.1", 443);
	cr_expect_eq(told[0].flow.flags,
		     OF_FLOW_HTTP | OF_FLOW_PROXY | OF_FLOW_ADDRESS | OF_FLOW_READ);
	names_in_free(n);
}

Test(names_flows, what_says_nothing_is_over_at_once)
{
	struct of_capture c = capture_of(OF_CAPTURE_TCP, IPPROTO_TCP, "203.0.113.9", 9000);
	struct of_capture u = capture_of(OF_CAPTURE_UDP, IPPROTO_UDP, "203.0.113.9", 9000);
	struct names_in *n = fresh();

	c.len = 500; /* of which no more is copied */
	take(n, c, "\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b", 12);
	take(n, u, "\1\2\3", 3);
	cr_assert_eq(told_n, 2);
	cr_expect_eq(told[0].flow.flags, OF_FLOW_DONE | OF_FLOW_READ | OF_FLOW_SILENT);
	cr_expect_eq(told[1].flow.flags, OF_FLOW_DONE | OF_FLOW_READ | OF_FLOW_SILENT);
	cr_expect_eq(told[1].flow.names_n, 0);
	names_in_free(n);
}

#define TO_A "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
#define TO_B "PROPFIND / HTTP/1.1\r\nHost: b.example\r\n\r\n"

static const uint32_t not_proved = OF_FLOW_LOST | OF_FLOW_INVALID;

static struct of_capture http_flow(void)
{
	struct of_capture c = capture_of(OF_CAPTURE_TCP, IPPROTO_TCP, "203.0.113.9", 80);

	c.seq = c.first = 0xffffff00;
	c.http = 1;
	return c;
}

/* What comes next in the stream of c; `more` bytes of the packet are not copied. */
static void goes_on(struct names_in *n, struct of_capture *c, const void *data, size_t len,
		    uint32_t more)
{
	c->len = (uint32_t)len + more;
	take(n, *c, data, len);
	c->seq += c->len;
}

static void says(struct names_in *n, struct of_capture *c, const char *text)
{
	goes_on(n, c, text, strlen(text), 0);
}

Test(names_flows, later_requests_of_a_stream)
{
	struct of_capture c = http_flow();
	struct names_in *n = fresh();

	says(n, &c, TO_A);
	says(n, &c, TO_A);
	cr_assert_eq(told_n, 1, "the same host is told once");
	c.exec_id = 99;
	says(n, &c, TO_B TO_A TO_B);
	cr_assert_eq(told_n, 4);
	is_name(1, OF_NAME_HOST, "b.example", 0);
	is_name(2, OF_NAME_HOST, "a.example", 0);
	is_name(3, OF_NAME_HOST, "b.example", 0);
	cr_expect_eq(told[1].flow.flags, OF_FLOW_DONE | OF_FLOW_HTTP | OF_FLOW_READ);
	cr_expect_eq(told[0].flow.exec_id, ASKER);
	cr_expect_eq(told[1].flow.exec_id, 99, "who sent it");
	c.exec_id = 98;
	says(n, &c, TO_B);
	cr_expect_eq(told_n, 5, "the same host, by another");
	names_in_free(n);
}

Test(names_flows, a_later_request_byte_by_byte)
{
	static const char text[] = "\r\n" TO_B;
	struct of_capture c = http_flow();
	struct names_in *n = fresh();
	size_t i;

	says(n, &c, TO_A);
	c.kind = OF_CAPTURE_HTTP;
	for (i = 0; i < sizeof(text) - 1; i++) {
		cr_expect_eq(told_n, 1);
		c.exec_id = i == 0 ? ASKER : 99;
		goes_on(n, &c, text + i, 1, 0);
	}
	cr_assert_eq(told_n, 2);
	is_name(1, OF_NAME_HOST, "b.example", 0);
	cr_expect_eq(told[1].flow.exec_id, ASKER, "who sent the first of it");
	names_in_free(n);
}

Test(names_flows, content_is_no_request)
{
	struct of_capture c = http_flow();
	struct names_in *n = fresh();
	char part[256] = TO_B;

	says(n, &c, "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 200000\r\n\r\n");
	goes_on(n, &c, part, sizeof(part), 65000);
	c.kind = OF_CAPTURE_HTTP;
	goes_on(n, &c, part, sizeof(part), 200000 - 65000 - 2 * sizeof(part));
	cr_expect_eq(told_n, 1);
	says(n, &c, TO_B);
	cr_assert_eq(told_n, 2);
	is_name(1, OF_NAME_HOST, "b.example", 0);
	names_in_free(n);
}

/* Of each nothing is proved, it is told once, and nothing that follows is. */
Test(names_flows, streams_that_cannot_be_followed)
{
	static const char *const second[] = {
		"GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n",
		"nonsense\r\n",
		"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\n"
		"Transfer-Encoding: chunked\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n5;\n",
		"CONNECT a.example:443 HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: x\r\n\r\nx",
	};
	struct names_in *n = fresh();
	struct of_capture c;
	size_t i;

	for (i = 0; i < sizeof(second) / sizeof(second[0]); i++) {
		c = http_flow();
		c.cookie = 100 + i;
		says(n, &c, TO_A);
		told_n = 0;
		says(n, &c, second[i]);
		cr_assert_geq(told_n, 1, "%zu", i);
		cr_expect_eq(told[told_n - 1].flow.flags & not_proved, not_proved, "%zu", i);
		cr_expect_not(told[told_n - 1].flow.flags & OF_FLOW_READ, "%zu", i);
		told_n = 0;
		says(n, &c, TO_B);
		cr_expect_eq(told_n, 0, "%zu", i);
	}
	names_in_free(n);
}

Test(names_flows, parts_of_a_head_that_are_missing)
{
	struct of_capture c = http_flow();
	struct names_in *n = fresh();

	says(n, &c, TO_A);
	goes_on(n, &c, "GET / HTTP/1.1\r\nCookie: ", 24, 3000);
	cr_assert_eq(told_n, 2);
	cr_expect_eq(told[1].flow.flags & not_proved, not_proved);
	c = http_flow();
	c.cookie++;
	says(n, &c, TO_A);
	c.lost = 1;
	goes_on(n, &c, "x", 1, 0);
	cr_assert_eq(told_n, 4);
	cr_expect(told[3].flow.flags & OF_FLOW_LOST);
	names_in_free(n);
}

/* It may have said anything before. */
Test(names_flows, a_stream_that_is_not_known)
{
	struct of_capture c = http_flow();
	struct names_in *n = fresh();

	c.kind = OF_CAPTURE_HTTP;
	c.seq += 40000;
	says(n, &c, TO_B);
	says(n, &c, TO_B);
	cr_assert_eq(told_n, 1, "once");
	cr_expect_eq(told[0].flow.names_n, 0);
	cr_expect_eq(told[0].flow.flags & not_proved, not_proved);
	names_in_free(n);
}

Test(names_flows, streams_that_are_pushed_out)
{
	struct of_capture c = http_flow();
	struct names_in *n = fresh();
	size_t i;

	for (i = 0; i <= NAMES_HTTP_MAX; i++) {
		told_n = 0;
		c = http_flow();
		c.cookie = 1000 + i;
		says(n, &c, TO_A);
		cr_expect_eq(told_n, 1, "one that says nothing more is not missed");
	}
	told_n = 0;
	says(n, &c, TO_A);
	cr_expect_eq(told_n, 0);
	c.cookie = 1000;
	says(n, &c, TO_A);
	cr_assert_eq(told_n, 1);
	cr_expect_eq(told[0].flow.flags & not_proved, not_proved);
	names_in_free(n);
}

Test(names_flows, heads_that_never_end)
{
	struct names_in *n = fresh();
	struct of_capture c;
	size_t i;

	for (i = 0; i <= NAMES_HEADS_MAX; i++) {
		told_n = 0;
		c = http_flow();
		c.cookie = 1000 + i;
		says(n, &c, TO_A "G");
	}
	cr_assert_eq(told_n, 2);
	cr_expect_eq(told[1].flow.flags & not_proved, not_proved);
	names_in_free(n);
}

/* Who connects to the proxy then, or where its datagrams go, is not said by a name. */
Test(names_flows, socks_for_something_else_proves_nothing)
{
	struct of_capture c = capture_of(OF_CAPTURE_TCP, IPPROTO_TCP, "203.0.113.9", 1080);
	struct names_in *n = fresh();

	take(n, c, "\5\1\0\5\2\0\3\1a\0\26", 12);
	cr_assert_eq(told_n, 1);
	cr_expect_eq(told[0].flow.flags, OF_FLOW_DONE | OF_FLOW_PROXY | OF_FLOW_INVALID);
	cr_expect_eq(told[0].flow.names_n, 0);
	names_in_free(n);
}

/* HTTP that the kernel does not copy further: behind SOCKS, or with a method it does not know. */
Test(names_flows, what_is_not_followed_is_lost_at_the_end)
{
	struct of_capture c = http_flow();
	struct names_in *n = fresh();
	char part[12000] = "";

	c.http = 0;
	says(n, &c, "p / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 100000\r\n\r\n");
	goes_on(n, &c, part, sizeof(part), 0);
	cr_expect_eq(told_n, 1);
	goes_on(n, &c, part, 4000, 8000);
	cr_assert_eq(told_n, 2);
	cr_expect_eq(told[1].flow.flags & not_proved, not_proved);
	names_in_free(n);
}

Test(names_flows, other_protocols_with_such_words)
{
	struct of_capture c = http_flow();
	struct names_in *n = fresh();

	says(n, &c, "GET key\r\n");
	cr_assert_eq(told_n, 1);
	cr_expect_eq(told[0].flow.flags, OF_FLOW_DONE | OF_FLOW_READ | OF_FLOW_SILENT);
	c.kind = OF_CAPTURE_HTTP;
	says(n, &c, "GET key\r\n");
	cr_expect_eq(told_n, 1);
	c.cookie++;
	c.seq = c.first;
	c.kind = OF_CAPTURE_TCP;
	says(n, &c, "GET /\r\n");
	cr_assert_eq(told_n, 2);
	cr_expect(told[1].flow.flags & OF_FLOW_LOST);
	names_in_free(n);
}

Test(names_flows, requests_in_a_tunnel)
{
	struct of_capture c = http_flow();
	struct names_in *n = fresh();

	says(n, &c, "CONNECT p.example:80 HTTP/1.1\r\n\r\n");
	says(n, &c, "GET http://a.example/ HTTP/1.1\r\n\r\n" TO_B);
	cr_assert_eq(told_n, 3);
	is_name(0, OF_NAME_CONNECT, "p.example", 80);
	is_name(1, OF_NAME_HOST, "a.example", 0);
	is_name(2, OF_NAME_HOST, "b.example", 0);
	cr_expect(told[2].flow.flags & OF_FLOW_PROXY);
	names_in_free(n);
}

/* A socket that connects to the same peer again. */
Test(names_flows, another_connection_of_a_socket)
{
	struct of_capture c = http_flow();
	struct names_in *n = fresh();

	says(n, &c, "GET / HTTP/1.1\r\nHost: a.example\r\n");
	c.seq = c.first += 5000;
	says(n, &c, TO_B);
	cr_assert_eq(told_n, 2);
	is_name(1, OF_NAME_HOST, "b.example", 0);
	names_in_free(n);
}

Test(names_flows, flows_that_never_end_give_way)
{
	struct of_capture c = capture_of(OF_CAPTURE_TCP, IPPROTO_TCP, "203.0.113.9", 80);
	struct names_in *n = fresh();
	int i;

	for (i = 0; i < NAMES_FLOWS_MAX; i++) {
		c.cookie = 1000 + (uint64_t)i;
		take(n, c, "GET / HT", 8);
		cr_expect_eq(told[i].flow.flags, OF_FLOW_READ, "so far");
	}
	told_n = 0;
	c.cookie++;
	take(n, c, "GET / HT", 8);
	cr_assert_eq(told_n, 2);
	cr_expect_eq(told[0].flow.cookie, 1000);
	cr_expect_eq(told[0].flow.flags, OF_FLOW_DONE | OF_FLOW_LOST);
	names_in_free(n);
}

#define TEN_S 10000000000ULL

/* Whoever stops in the middle says a name by half: another's reading proves nothing of it. */
Test(names_flows, a_message_that_never_gets_whole_is_lost)
{
	static const char *const begun[] = { "\x16", "\x16\3\1\2", "GET / HTTP/1.1\r\nX: y\r\n",
					     "CONNECT a.example:443 HTTP/1.1\r\n\r\n\x16\3" };
	struct of_capture c = http_flow(), other;
	struct names_in *n = fresh();
	size_t i;

	for (i = 0; i < sizeof(begun) / sizeof(begun[0]); i++) {
		c = other = http_flow();
		c.cookie = 1000 + 2 * i;
		c.time_ns = i * 100 * TEN_S;
		c.netns = 5;
		other.cookie = 1001 + 2 * i;
		says(n, &c, begun[i]);
		other.time_ns = c.time_ns + TEN_S - 1;
		says(n, &other, TO_A);
		told_n = 0;
		other.time_ns++;
		says(n, &other, TO_A);
		cr_assert_eq(told_n, 1, "%zu: %zu", i, told_n);
		cr_expect_eq(told[0].flow.flags, OF_FLOW_DONE | OF_FLOW_LOST);
		cr_expect_eq(told[0].flow.cookie, c.cookie);
		cr_expect_eq(told[0].flow.creator, ASKER);
		cr_expect_eq(told[0].flow.netns, 5);
		other.time_ns += TEN_S;
		says(n, &other, TO_A);
		cr_expect_eq(told_n, 1, "once");
	}
	names_in_free(n);
}

Test(names_flows, a_later_head_that_never_gets_whole_is_lost)
{
	struct of_capture c = http_flow(), other = http_flow();
	struct names_in *n = fresh();

	other.cookie++;
	says(n, &c, TO_A);
	c.time_ns += 5 * TEN_S;
	says(n, &c, "GET / HTTP/1.1\r\n");
	told_n = 0;
	other.time_ns = c.time_ns + TEN_S - 1;
	says(n, &other, TO_A);
	cr_expect_eq(told_n, 1, "the time between requests does not count");
	/* However it goes on. */
	c.time_ns += TEN_S / 2;
	says(n, &c, "X: ");
	c.time_ns += TEN_S / 2;
	says(n, &c, "y");
	cr_assert_eq(told_n, 2);
	cr_expect_eq(told[1].flow.flags & not_proved, not_proved);
	cr_expect_not(told[1].flow.flags & OF_FLOW_READ);
	says(n, &c, "\r\nHost: b.example\r\n\r\n" TO_B);
	cr_expect_eq(told_n, 2, "nothing more is read");
	names_in_free(n);
}

/* Each head is whole when the next begins in its packet. */
Test(names_flows, heads_that_pass_from_packet_to_packet)
{
	struct of_capture c = http_flow();
	struct names_in *n = fresh();
	size_t i;

	says(n, &c, "GET / HTTP/1.1\r\n");
	told_n = 0;
	for (i = 0; i < 10; i++) {
		c.time_ns += TEN_S / 2;
		says(n, &c, "Host: a.example\r\n\r\nGET / HTTP/1.1\r\n");
	}
	cr_assert_eq(told_n, 1);
	is_name(0, OF_NAME_HOST, "a.example", 0);
	names_in_free(n);
}

/* As text protocols are that may begin TLS later, and tunnels. */
static const char *const between[] = { "EHLO me.example\r\n",
				       "CONNECT a.example:443 HTTP/1.1\r\n\r\n" };

static void pushed_out(struct names_in *n, uint64_t from, size_t number, uint64_t time_ns)
{
	struct of_capture c = capture_of(OF_CAPTURE_TCP, IPPROTO_TCP, "203.0.113.9", 25);
	size_t i;

	c.time_ns = time_ns;
	for (i = 0; i < number; i++) {
		c.cookie = from + i;
		c.seq = c.first = 0;
		says(n, &c, between[0]);
		told_n = 0;
	}
}

Test(names_flows, what_goes_on_after_it_was_pushed_out_is_lost)
{
	struct names_in *n = fresh();
	struct of_capture c;
	size_t i;

	for (i = 0; i < sizeof(between) / sizeof(between[0]); i++) {
		c = http_flow();
		c.http = 0;
		c.cookie = 1 + i;
		c.time_ns = i * 100 * TEN_S;
		says(n, &c, between[i]);
		told_n = 0;
		pushed_out(n, 1000 + 1000 * i, 1, c.time_ns + 2 * TEN_S);
		says(n, &c, "NOOP\r\n" + (i == 1 ? 6 : 0));
		told_n = 0;
		pushed_out(n, 1001 + 1000 * i, NAMES_FLOWS_MAX, c.time_ns + 4 * TEN_S);
		says(n, &c, "STARTTLS\r\n");
		says(n, &c, "more");
		cr_assert_eq(told_n, 1, "%zu: %zu, once", i, told_n);
		cr_expect_eq(told[0].flow.flags, OF_FLOW_DONE | OF_FLOW_LOST);
		cr_expect_eq(told[0].flow.cookie, c.cookie);
		told_n = 0;
	}
	names_in_free(n);
}

Test(names_flows, what_was_read_to_its_end_is_not_lost_later)
{
	struct of_capture c = capture_of(OF_CAPTURE_TCP, IPPROTO_TCP, "203.0.113.9", 9000);
	struct names_in *n = fresh();

	says(n, &c, "\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b");
	pushed_out(n, 1000, NAMES_FLOWS_MAX + 1, c.time_ns + 2 * TEN_S);
	says(n, &c, "more");
	cr_expect_eq(told_n, 0);
	names_in_free(n);
}

/* Of what the kernel goes on copying: it does not know what it is. */
Test(names_flows, another_hello_behind_one_that_was_read_is_lost)
{
	static const uint8_t ccs[] = { 20, 3, 3, 0, 1, 1 }, data[] = { 23, 3, 3, 0, 2, 22, 3 };
	static const uint8_t keys[] = { 22, 3, 3, 0, 37, 16, 0, 0, 33, 32, 4, 3 };
	static const uint8_t again[] = { 20, 3, 3, 0, 1, 1, 22, 3, 3, 0, 200, 1, 0, 0, 196, 3, 3 };
	struct of_capture c = capture_of(OF_CAPTURE_TCP, IPPROTO_TCP, "203.0.113.9", 9000);
	struct names_in *n = fresh();

	says(n, &c, "\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b");
	told_n = 0;
	goes_on(n, &c, ccs, sizeof(ccs), 0);
	goes_on(n, &c, data, sizeof(data), 0);
	goes_on(n, &c, keys, sizeof(keys), 0);
	cr_expect_eq(told_n, 0);
	goes_on(n, &c, again, sizeof(again), 0);
	cr_assert_eq(told_n, 1);
	cr_expect(told[0].flow.flags & OF_FLOW_LOST);
	goes_on(n, &c, again, 7, 0);
	cr_expect_eq(told_n, 2, "too little to tell");
	names_in_free(n);
}

Test(names_flows, that_it_was_pushed_out_can_be_forgotten)
{
	struct names_in *n = fresh();
	struct of_capture c;

	pushed_out(n, 1000, NAMES_FLOWS_MAX + NAMES_GONE_MAX, 1);
	c = capture_of(OF_CAPTURE_TCP, IPPROTO_TCP, "203.0.113.9", 25);
	c.cookie = 1;
	says(n, &c, between[0]);
	cr_assert_eq(told_n, 2);
	cr_expect_eq(told[0].hdr.err, -ENOBUFS);
	told_n = 0;
	c.cookie = 1001;
	says(n, &c, "NOOP\r\n");
	cr_assert_eq(told_n, 1);
	cr_expect_eq(told[0].flow.flags, OF_FLOW_DONE | OF_FLOW_LOST);
	names_in_free(n);
}

/* What could hide a name must not pass for saying none. */
Test(names_flows, what_is_not_read_whole_is_said)
{
	static const char hello[] = "\x16\3\1\2\0\1\0\1\xfc\3\3", alert[] = "\x15\3\1\0\2\1\0";
	struct of_capture c = capture_of(OF_CAPTURE_TCP, IPPROTO_TCP, "203.0.113.9", 443);
	struct names_in *n = fresh();

	c.len = 600; /* the rest was not copied */
	take(n, c, hello, sizeof(hello) - 1);
	c.len = 0;
	c.cookie++;
	take(n, c, alert, sizeof(alert) - 1); /* something else of TLS before it */
	c.cookie++;
	c.lost = 1; /* what was before found no room */
	c.seq = c.first + 500;
	take(n, c, "x", 1);
	cr_assert_eq(told_n, 3);
	cr_expect(told[0].flow.flags & OF_FLOW_LOST);
	cr_expect(told[1].flow.flags & OF_FLOW_LOST);
	cr_expect(told[2].flow.flags & OF_FLOW_LOST);
	names_in_free(n);
}

/* Not sent by the same segment, and the second looks like a request of its own. */
Test(names_flows, a_head_whose_second_piece_begins_like_a_request)
{
	struct of_capture c = http_flow();
	struct names_in *n = fresh();

	says(n, &c, "POST / HTTP/1.1\r\nX: ");
	says(n, &c, "GET / HTTP/1.1\r\nHost: b.example\r\n\r\n");
	cr_assert_eq(told_n, 2);
	is_name(1, OF_NAME_HOST, "b.example", 0);
	names_in_free(n);
}

/* What the ring has is the kernel's, but its lengths are looked at. */
Test(names_flows, entries_whose_lengths_lie)
{
	struct of_capture c = capture_of(OF_CAPTURE_TCP, IPPROTO_TCP, "203.0.113.9", 80);
	struct names_in *n = fresh();

	c.len = c.copied = 100;
	names_in_take(n, &c, sizeof(c));
	names_in_take(n, &c, sizeof(c) - 1);
	c.copied = 0;
	names_in_take(n, &c, sizeof(c));
	cr_expect_eq(told_n, 0);
	names_in_free(n);
}

/*
 * Fuzz: documents. The first byte chooses: a parser gets the rest, or a writer
 * gets it as a key, and what it writes must parse again and mean the same.
 */

#include <jansson.h>
#include <libxml/parser.h>

#include "fuzz.h"
#include "cos_facts.h"


static void
must_parse(const cos_buf_t *b, cos_dialect_e d)
{
    xmlDoc  *xml;
    json_t  *json;

    if (b->err) {
        return;
    }

    if (d == COS_DIALECT_BOS) {
        json = json_loadb((char *) b->data, b->len,
                          JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
        if (json == NULL) {
            abort();
        }

        json_decref(json);
        return;
    }

    xml = xmlReadMemory((char *) b->data, (int) b->len, NULL, NULL,
                        XML_PARSE_NONET | XML_PARSE_HUGE);
    if (xml == NULL) {
        abort();
    }

    xmlFreeDoc(xml);
}


/* What is accepted is written, and reads as the same grants. */
static void
parse_acl(cos_dialect_e d, cos_str_t s, cos_alloc_t *a)
{
    size_t            i;
    cos_buf_t         b;
    cos_acl_list_t    l, back;
    cos_acl_grant_t   owner;

    if (cos_xml_parse_acl(s, &l, &owner, a) != COS_OK) {
        return;
    }

    if (l.sent > COS_ACL_GRANTS_MAX || l.n > l.sent) {
        abort();
    }

    for (i = 0; i < l.n; i++) {
        if (l.v[i].may == 0
            || (l.v[i].to == COS_TO_ACCOUNT && l.v[i].uid == 0
                && l.v[i].id.len == 0))
        {
            abort();
        }

        if (l.v[i].to == COS_TO_ACCOUNT && l.v[i].uid == 0) {
            l.v[i].uid = 5;
        }
    }

    cos_acl_merge(&l);
    cos_buf_init(&b, a, 0);
    cos_xml_acl(&b, d, 5, &l);
    must_parse(&b, d);

    if (d == COS_DIALECT_COS && b.len <= COS_XML_SMALL_SIZE) {
        if (cos_xml_parse_acl((cos_str_t) { b.len, b.data }, &back, &owner, a)
            != COS_OK
            ? l.n * 5 <= COS_ACL_GRANTS_MAX : back.n != l.n)
        {
            abort();
        }
    }
}


static void
parse(int which, cos_str_t s, cos_alloc_t *a)
{
    int                quiet;
    size_t             n, i;
    cos_str_t          region;
    cos_dialect_e      d;
    cos_xml_part_t    *parts;
    cos_xml_delete_t  *v;

    d = (cos_dialect_e) (which % 3);

    switch (which / 3 % 4) {

    case 0:
        if (cos_xml_parse_delete(d, s, &v, &n, &quiet, a) == COS_OK) {
            for (i = 0; i < n; i++) {
                if (v[i].key.len == 0) {
                    abort();
                }
            }
        }

        break;

    case 1:
        if (cos_xml_parse_complete(d, s, &parts, &n, a) == COS_OK) {
            for (i = 0; i < n; i++) {
                if (parts[i].number < 1 || parts[i].number > 10000
                    || (i > 0 && parts[i].number <= parts[i - 1].number)
                    || parts[i].etag.len == 0)
                {
                    abort();
                }
            }
        }

        break;

    case 2:
        parse_acl(d, s, a);
        break;

    default:
        (void) cos_xml_parse_create_bucket(s, &region, a);
    }
}


static void
write_listing(cos_dialect_e d, unsigned flags, cos_str_t key, cos_alloc_t *a)
{
    cos_buf_t          b, rec;
    cos_str_t          record;
    cos_object_t       o;
    cos_xml_listing_t  l;

    memset(&o, 0, sizeof(o));
    o.seq = 1;
    cos_buf_init(&rec, a, 0);
    if (cos_facts_encode(&rec, &o) != 0) {
        abort();
    }

    record = (cos_str_t) { rec.len, rec.data };

    memset(&l, 0, sizeof(l));
    l.dialect = d;
    l.v2 = flags & 1;
    l.url = (flags & 2) != 0;
    l.has_delimiter = (flags & 4) != 0;
    l.truncated = (flags & 8) != 0;
    l.has_marker = (flags & 16) != 0;
    l.has_token = (flags & 32) != 0;
    l.bucket = l.prefix = l.delimiter = l.marker = l.token = l.next = key;
    l.nkeys = 1;
    l.keys = &key;
    l.facts = &record;
    l.nprefixes = 1;
    l.prefixes = &key;

    cos_buf_init(&b, a, 0);
    if (cos_xml_listing(&b, &l) != 0) {
        abort();
    }

    must_parse(&b, d);
}


static void
write_others(cos_dialect_e d, cos_str_t key, cos_alloc_t *a)
{
    cos_buf_t         b;
    cos_str_t         back;
    cos_xml_error_t   e;
    cos_xml_delete_t  v[2] = {
        { key, key, COS_OK }, { key, key, COS_E_ACCESS_DENIED }
    };

    memset(&e, 0, sizeof(e));
    e.err = COS_E_NO_SUCH_KEY;
    e.resource = e.bucket = e.key = e.request_id = e.trace_id = key;
    cos_buf_init(&b, a, 0);
    cos_xml_error(&b, d, &e);
    must_parse(&b, d);

    cos_buf_init(&b, a, 0);
    cos_xml_delete_result(&b, d, v, 2, 0);
    must_parse(&b, d);

    cos_buf_init(&b, a, 0);
    cos_token_encode(&b, key);
    if (cos_token_decode((cos_str_t) { b.len, b.data }, &back, a) != 0
        || !cos_str_eq(back, key))
    {
        abort();
    }

    (void) cos_token_decode(key, &back, a);
}


/* A key escaped into a Delete document and read from it is the same, but for
 * what cannot be expressed, and that is stable. */
static void
round_trip(cos_str_t key, cos_alloc_t *a)
{
    int                quiet;
    size_t             n;
    cos_buf_t          b, again;
    cos_xml_delete_t  *v;

    cos_buf_init(&b, a, 0);
    cos_buf_lit(&b, "<Delete><Object><Key>");
    cos_xml_text(&b, key);
    cos_buf_lit(&b, "</Key></Object></Delete>");

    if (b.len > COS_XML_DELETE_SIZE) {
        return;
    }

    if (cos_xml_parse_delete(COS_DIALECT_S3, (cos_str_t) { b.len, b.data },
                             &v, &n, &quiet, a)
        != (key.len > 0 ? COS_OK : COS_E_MALFORMED_XML))
    {
        abort();
    }

    if (key.len == 0) {
        return;
    }

    cos_buf_init(&again, a, 0);
    cos_buf_lit(&again, "<Delete><Object><Key>");
    cos_xml_text(&again, v[0].key);
    cos_buf_lit(&again, "</Key></Object></Delete>");

    if (again.len != b.len || memcmp(again.data, b.data, b.len) != 0) {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cos_str_t     s;
    cos_arena_t  *arena;

    if (size < 2) {
        return 0;
    }

    arena = cos_arena_create();
    s.len = size - 2;
    s.data = malloc(size);

    if (arena != NULL && s.data != NULL) {
        memcpy(s.data, data + 2, s.len);

        if (data[0] < 128) {
            parse(data[0], s, cos_arena_alloc(arena));

        } else {
            write_listing((cos_dialect_e) (data[0] % 3), data[1], s,
                          cos_arena_alloc(arena));
            write_others((cos_dialect_e) (data[0] % 3), s,
                         cos_arena_alloc(arena));
            round_trip(s, cos_arena_alloc(arena));
        }
    }

    free(s.data);
    cos_arena_free(arena);

    return 0;
}

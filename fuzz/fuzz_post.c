/*
 * Fuzz: policies of form uploads. The input's first line are the fields
 * (name=value, joined by '&'), the rest is the policy's text. Whatever it says
 * it is held against the form; what holds names the bucket, and a reason is one
 * printable line.
 */

#include <stdlib.h>

#include "cos_post.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);


int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void) argc;
    (void) argv;

    return cos_hash_init();
}


static void
read_fields(cos_form_t *f, cos_str_t line, cos_alloc_t *a)
{
    size_t      i;
    cos_args_t  args;

    if (cos_args_parse(&args, line, a) != COS_OK) {
        return;
    }

    for (i = 0; i < args.n && f->nfields < COS_FORM_FIELDS_MAX; i++) {
        f->fields[f->nfields].name = args.v[i].name;
        f->fields[f->nfields++].value = args.v[i].value;
    }
}


static void
judge(const cos_form_t *f, cos_str_t text, cos_alloc_t *a)
{
    const char  *p;
    cos_buf_t    b;
    cos_err_e    rc;
    cos_post_t   post;
    cos_sig_t    sig;

    memset(&post, 0, sizeof(post));
    cos_buf_init(&b, a, text.len * 2);
    cos_base64(&b, text.data, text.len);

    post.form = f;
    post.dialect = text.len % 2 ? COS_DIALECT_S3 : COS_DIALECT_COS;
    post.bucket = COS_STR("b");
    post.key = COS_STR("k");
    post.now = 1;

    rc = cos_post_policy(&post, (cos_str_t) { b.len, b.data }, a);

    if ((rc == COS_OK) != (post.reason == NULL)) {
        abort();
    }

    for (p = post.reason; p && *p; p++) {
        if (*p < ' ' || *p == 0x7f) {
            abort();
        }
    }

    if (cos_form_sig_parse(f, &sig) == COS_OK && sig.scheme != COS_SIG_NONE
        && cos_form_sig_verify(&sig, COS_STR("d4mu0FNJOywI7yXTdm2Zp"),
                               sig.start, COS_STR(""), a) == COS_OK)
    {
        /* nobody can sign with that secret */
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cos_u8           *end;
    cos_str_t         text, line;
    cos_form_t       *f;
    cos_alloc_t      *a;
    cos_arena_t      *arena;
    cos_form_field_t  fields[COS_FORM_FIELDS_MAX];

    arena = cos_arena_create();
    a = cos_arena_alloc(arena);
    f = cos_zalloc(a, sizeof(cos_form_t));
    f->fields = fields;

    if (cos_dup(a, &text, data, size) == 0) {
        end = size ? memchr(text.data, '\n', size) : NULL;
        line = text;
        line.len = end ? (size_t) (end - text.data) : size;
        text.data += line.len + (end != NULL);
        text.len -= line.len + (end != NULL);

        read_fields(f, line, a);
        judge(f, text, a);
    }

    cos_arena_free(arena);

    return 0;
}

/*
 * policy: hotlink protection (cos-api.md section 8; the console's page
 * "Setting Hotlink Protection"). Pure.
 *
 * An entry is compared with the Referer without its scheme, hosts without case
 * and paths with case:
 *
 *   www.example.com      a prefix: www.example.com/1, www.example.com.cn and
 *                        www.example.com:8080, too
 *   example.com:8080/a   the same with port and path
 *   *.example.com        the domain and all below it: a.b.example.com/1,
 *                        example.com; any port. Behind the domain the host
 *                        must end, or a whole site could be lent a name
 *                        ("a.example.com.evil.net")
 *   *.example.com:80/a   the same, and what follows the host begins so
 *   *                    whatever is there
 */

#ifndef COS_REFERER_H
#define COS_REFERER_H

#include "cos_xml_rules.h"

#pragma GCC visibility push(hidden)

/* A list as decisions want it. Read-only once made. */
typedef struct cos_referer_s  cos_referer_t;

/* Compiles entries that cos_referer_check let pass; their texts must live as
 * long as the result, which is from a. NULL: no memory. */
cos_referer_t *cos_referer_compile(const cos_referer_doc_t *doc,
    cos_alloc_t *a);
/* The same from the text of COS_BX_REFERER; a cos_referer_t. NULL also when it
 * cannot be read. */
void *cos_referer_load(cos_str_t text, cos_alloc_t *a);

/* Whether any entry matches a Referer that is not empty. */
int cos_referer_match(const cos_referer_t *r, cos_str_t referer);
/* Whether who was sent by that Referer (empty: by none) may read; always when
 * the list is not enabled. */
int cos_referer_allows(const cos_referer_t *r, cos_str_t referer);
/* Whether URLs that are signed are held to it, too. */
int cos_referer_verifies(const cos_referer_t *r);

#pragma GCC visibility pop

#endif

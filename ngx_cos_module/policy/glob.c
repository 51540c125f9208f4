/*
 * policy: patterns. The pieces between stars are looked for one after the
 * other, each at its first place: what is left to the next one is never longer
 * by choosing a later place, so nothing is tried twice.
 */

#define _GNU_SOURCE
#include "policy.h"


static cos_u8
lower(cos_u8 c)
{
    return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}


void
cos_glob_init(glob_t *g, cos_str_t text, int one)
{
    size_t  i;

    g->text = text;
    g->one = one;
    g->wild = 0;

    for (i = 0; i < text.len; i++) {
        if (text.data[i] == '*' || (one && text.data[i] == '?')) {
            g->wild = 1;
            break;
        }
    }

    g->head = i;
}


/* Whether a piece without stars is what s begins with. */
static int
fits(const glob_t *g, const cos_u8 *piece, size_t n, const cos_u8 *s, int fold)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (piece[i] != s[i] && !(g->one && piece[i] == '?')
            && !(fold && lower(piece[i]) == lower(s[i])))
        {
            return 0;
        }
    }

    return 1;
}


/* Its first place; NULL: none. */
static const cos_u8 *
find(const glob_t *g, const cos_u8 *piece, size_t n, const cos_u8 *s,
    const cos_u8 *end, int fold)
{
    if (!fold && !(g->one && memchr(piece, '?', n))) {
        return memmem(s, (size_t) (end - s), piece, n);
    }

    for ( /* void */ ; (size_t) (end - s) >= n; s++) {
        if (fits(g, piece, n, s, fold)) {
            return s;
        }
    }

    return NULL;
}


/* The rest of the pattern begins with a star. */
static int
match_rest(const glob_t *g, const cos_u8 *p, const cos_u8 *pend,
    const cos_u8 *s, const cos_u8 *end, int fold)
{
    size_t         n;
    const cos_u8  *star;

    for ( ;; ) {

        while (p < pend && *p == '*') {
            p++;
        }

        star = memchr(p, '*', (size_t) (pend - p));

        if (star == NULL) {
            /* the last piece ends where the text does */
            n = (size_t) (pend - p);
            return (size_t) (end - s) >= n && fits(g, p, n, end - n, fold);
        }

        n = (size_t) (star - p);
        s = find(g, p, n, s, end, fold);

        if (s == NULL) {
            return 0;
        }

        s += n;
        p = star;
    }
}


static int
match(const glob_t *g, cos_str_t s, int fold)
{
    size_t         n;
    const cos_u8  *star, *pend;

    if (!g->wild) {
        return fold ? cos_str_ieq(g->text, s) : cos_str_eq(g->text, s);
    }

    /* most patterns are told apart here */
    if (s.len < g->head
        || (fold ? !fits(g, g->text.data, g->head, s.data, fold)
                 : memcmp(g->text.data, s.data, g->head) != 0))
    {
        return 0;
    }

    pend = g->text.data + g->text.len;
    star = memchr(g->text.data + g->head, '*', g->text.len - g->head);
    n = (size_t) ((star ? star : pend) - g->text.data);

    if (s.len < n
        || !fits(g, g->text.data + g->head, n - g->head, s.data + g->head,
                 fold))
    {
        return 0;
    }

    if (star == NULL) {
        return s.len == n;
    }

    return match_rest(g, star, pend, s.data + n, s.data + s.len, fold);
}


int
cos_glob_match(const glob_t *g, cos_str_t s)
{
    return match(g, s, 0);
}


int
cos_glob_match_fold(const glob_t *g, cos_str_t s)
{
    return match(g, s, 1);
}

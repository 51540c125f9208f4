/*
 * core: time to text and back. The C library's functions know time zones and
 * locales, which headers and signatures must not depend on, and are slow; the
 * Gregorian calendar is a few divisions.
 */

#include "cos_core.h"

#define DAY          86400
#define EPOCH_YEAR0  719468                 /* days from 0000-03-01 to 1970 */
#define SEC_MIN      (-INT64_C(62167219200))       /* 0000-01-01T00:00:00Z */
#define SEC_MAX      INT64_C(253402300799)         /* 9999-12-31T23:59:59Z */

typedef struct {
    int  year;
    int  month;                             /* 1..12 */
    int  day;                               /* 1..31 */
    int  hour;
    int  min;
    int  sec;
    int  wday;                              /* 0: Sunday */
} civil_t;

/* What is left to read of a text; bad once something did not fit. */
typedef struct {
    const cos_u8  *p;
    const cos_u8  *end;
    int            bad;
} scan_t;

static void from_seconds(civil_t *c, int64_t sec);
static int64_t to_seconds(const civil_t *c);
static cos_u8 *put2(cos_u8 *p, int n);
static cos_u8 *put4(cos_u8 *p, int n);
static int64_t parse(cos_str_t s, const char *form);
static void literal(scan_t *in, const char *lit, size_t len);
static int number(scan_t *in, int digits);
static int name(scan_t *in, const char *names, int n);
static void fraction(scan_t *in);
static int full_year(int yy);

static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char zone[4] = { ' ', 'G', 'M', 'T' };
static const char *const day_ends[7] = {
    "day", "day", "sday", "nesday", "rsday", "day", "urday"
};


void
cos_http_date(char dst[29], int64_t sec)
{
    civil_t c;
    cos_u8 *p = (cos_u8 *) dst;

    from_seconds(&c, sec);

    memcpy(p, &days[c.wday * 3], 3);
    p[3] = ',';
    p[4] = ' ';
    p = put2(p + 5, c.day);
    *p++ = ' ';
    memcpy(p, &months[(c.month - 1) * 3], 3);
    p[3] = ' ';
    p = put4(p + 4, c.year);
    *p++ = ' ';
    p = put2(p, c.hour);
    *p++ = ':';
    p = put2(p, c.min);
    *p++ = ':';
    p = put2(p, c.sec);
    memcpy(p, zone, sizeof(zone));
}


size_t
cos_iso8601(char dst[25], int64_t msec, int with_msec)
{
    int     ms;
    int64_t sec;
    civil_t c;
    cos_u8 *p = (cos_u8 *) dst;

    sec = msec / 1000;
    ms = (int) (msec % 1000);

    if (ms < 0) {
        ms += 1000;
        sec--;
    }

    from_seconds(&c, sec);

    p = put4(p, c.year);
    *p++ = '-';
    p = put2(p, c.month);
    *p++ = '-';
    p = put2(p, c.day);
    *p++ = 'T';
    p = put2(p, c.hour);
    *p++ = ':';
    p = put2(p, c.min);
    *p++ = ':';
    p = put2(p, c.sec);

    if (with_msec) {
        *p++ = '.';
        *p++ = (cos_u8) ('0' + ms / 100);
        p = put2(p, ms % 100);
    }

    *p++ = 'Z';
    *p = '\0';

    return (size_t) (p - (cos_u8 *) dst);
}


static cos_u8 *
put2(cos_u8 *p, int n)
{
    p[0] = (cos_u8) ('0' + n / 10);
    p[1] = (cos_u8) ('0' + n % 10);

    return p + 2;
}


static cos_u8 *
put4(cos_u8 *p, int n)
{
    return put2(put2(p, n / 100), n % 100);
}


/*
 * Counted in years that begin on 1 March, so that the leap day is the last
 * one and months have a regular length; an era is 400 such years. Times that
 * four digits of a year cannot show become the nearest one that they can.
 */
static void
from_seconds(civil_t *c, int64_t sec)
{
    int      month;
    unsigned n, day, year, doy, clk;

    sec = sec < SEC_MIN ? SEC_MIN : sec > SEC_MAX ? SEC_MAX : sec;

    /* one era ahead: nothing is negative from here on */
    sec += (INT64_C(146097) + EPOCH_YEAR0) * DAY;
    day = (unsigned) (sec / DAY);
    clk = (unsigned) (sec % DAY);

    c->wday = (int) ((day + 3) % 7);
    c->hour = (int) (clk / 3600);
    c->min = (int) (clk / 60 % 60);
    c->sec = (int) (clk % 60);

    n = day % 146097;
    year = (n - n / 1460 + n / 36524 - n / 146096) / 365;
    doy = n - (365 * year + year / 4 - year / 100);
    month = (int) ((5 * doy + 2) / 153);

    c->day = (int) (doy - (153 * (unsigned) month + 2) / 5) + 1;
    c->month = month < 10 ? month + 3 : month - 9;
    c->year = (int) (year + day / 146097 * 400) - 400 + (month >= 10);
}


/* -1 for a date or time that does not exist; 1970 for anything earlier, as
 * there are no objects of that age and -1 would read as malformed. */
static int64_t
to_seconds(const civil_t *c)
{
    int     year, leap, doy;
    int64_t n;

    static const cos_u8 length[12] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    leap = (c->year % 4 == 0 && c->year % 100 != 0) || c->year % 400 == 0;

    /* RFC 9110 allows a leap second, which is the next minute's first here */
    if (c->month < 1 || c->month > 12 || c->day < 1
        || c->day > length[c->month - 1] + (leap && c->month == 2)
        || c->hour > 23 || c->min > 59 || c->sec > 60)
    {
        return -1;
    }

    if (c->year < 1970) {
        return 0;
    }

    year = c->year - (c->month <= 2);
    doy = (153 * (c->month + (c->month > 2 ? -3 : 9)) + 2) / 5 + c->day - 1;
    n = year * 365 + year / 4 - year / 100 + year / 400 + doy - EPOCH_YEAR0;

    return n * DAY + c->hour * 3600 + c->min * 60 + c->sec;
}


/*
 * The day of the week must be one, but need not be the right one: it says
 * nothing that the date does not.
 */
int64_t
cos_parse_http_date(cos_str_t s)
{
    if (s.len < 4) {
        return -1;
    }

    switch (s.data[3]) {
    case ',':
        return parse(s, "w, d b y h:i:s GMT");
    case ' ':
        return parse(s, "w b e h:i:s y");
    default:
        return parse(s, "wl, d-b-c h:i:s GMT");
    }
}


int64_t
cos_parse_iso8601(cos_str_t s)
{
    if (s.len < 5) {
        return -1;
    }

    return parse(s, s.data[4] == '-' ? "y-m-dTh:i:sfZ" : "ymdThisZ");
}


/*
 * Reads s by a form in which small letters stand for fields and all else for
 * itself: w Sun, l the rest of Sunday, b Nov, m 11, d 06, e " 6" or "16",
 * y 1994, c 94, h, i, s a clock's two digits, f a fraction or nothing.
 */
static int64_t
parse(cos_str_t s, const char *form)
{
    int     wday;
    scan_t  in = { s.data, s.data + s.len, 0 };
    civil_t c;

    memset(&c, 0, sizeof(civil_t));
    wday = 0;

    for (; *form != '\0' && !in.bad; form++) {
        switch (*form) {
        case 'w':
            wday = name(&in, days, 7);
            break;
        case 'l':
            literal(&in, day_ends[wday], strlen(day_ends[wday]));
            break;
        case 'b':
            c.month = name(&in, months, 12) + 1;
            break;
        case 'm':
            c.month = number(&in, 2);
            break;
        case 'e':
            c.day = in.p < in.end && *in.p == ' ' ? (in.p++, number(&in, 1))
                                                  : number(&in, 2);
            break;
        case 'd':
            c.day = number(&in, 2);
            break;
        case 'y':
            c.year = number(&in, 4);
            break;
        case 'c':
            c.year = full_year(number(&in, 2));
            break;
        case 'h':
            c.hour = number(&in, 2);
            break;
        case 'i':
            c.min = number(&in, 2);
            break;
        case 's':
            c.sec = number(&in, 2);
            break;
        case 'f':
            fraction(&in);
            break;
        default:
            literal(&in, form, 1);
        }
    }

    return in.bad || in.p != in.end ? -1 : to_seconds(&c);
}


static void
literal(scan_t *in, const char *lit, size_t len)
{
    if ((size_t) (in->end - in->p) < len || memcmp(in->p, lit, len) != 0) {
        in->bad = 1;
        return;
    }

    in->p += len;
}


static int
number(scan_t *in, int digits)
{
    int n;

    if (in->end - in->p < digits) {
        in->bad = 1;
        return 0;
    }

    for (n = 0; digits > 0; digits--, in->p++) {
        if (*in->p < '0' || *in->p > '9') {
            in->bad = 1;
            return 0;
        }

        n = n * 10 + (*in->p - '0');
    }

    return n;
}


/* Which of n names of three letters it is. */
static int
name(scan_t *in, const char *names, int n)
{
    int i;

    if (in->end - in->p < 3) {
        in->bad = 1;
        return 0;
    }

    for (i = 0; i < n; i++) {
        if (memcmp(in->p, names + 3 * i, 3) == 0) {
            in->p += 3;
            return i;
        }
    }

    in->bad = 1;

    return 0;
}


/* A point and 1 to 9 digits, which are dropped: seconds are counted down. */
static void
fraction(scan_t *in)
{
    const cos_u8 *start;

    if (in->p == in->end || *in->p != '.') {
        return;
    }

    start = ++in->p;

    while (in->p < in->end && *in->p >= '0' && *in->p <= '9') {
        in->p++;
    }

    in->bad = in->p == start || in->p - start > 9;
}


/* RFC 9110: the latest year of those two digits that is not more than 50
 * years ahead of us. */
static int
full_year(int yy)
{
    int     year;
    civil_t now;

    from_seconds(&now, (int64_t) time(NULL));
    year = now.year / 100 * 100 + 100 + yy;

    while (year > now.year + 50) {
        year -= 100;
    }

    return year;
}

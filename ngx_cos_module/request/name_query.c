/*
 * request, naming: the query. Names in it are of four kinds:
 *
 *   sub-resources   choose the operation; known ones are in sub_resources[].
 *                   One that belongs to buckets only, and carries a value in
 *                   an object's URL ("/a.html?origin=mail"), is an unknown
 *                   name there.
 *   parameters      of some operation or of a signature; known ones are in
 *                   parameters[]. Operations read those they know.
 *   instructions    of image processing: 501, as images are not processed
 *                   and the untouched image would be taken for the result.
 *   unknown names   in a GET or HEAD with a value: ignored, being mostly
 *                   tracking marks or cache busters. Without a value they
 *                   are unknown sub-resources: 501, except in an object's
 *                   URL when they are not made of letters and '-' alone, as
 *                   every sub-resource's name is ("/a.css?20240131"). With
 *                   any other method they are refused: something that
 *                   changes data is not done on a request only half
 *                   understood.
 *
 * A name that differs only in case from one that limits or chooses what is
 * done is refused: signatures of COS know names in lower case only, so whoever
 * holds a URL could make its "prefix" or "uploadId" a name that nobody reads.
 */

#include "name.h"

typedef struct {
    cos_str_t  name;
    sub_e      sub;
    unsigned   at;
} sub_resource_t;

static int is_miscased(cos_str_t name, at_e at);
static int is_refused(const cos_arg_t *arg, verb_e verb, at_e at);


#define SUB(name, sub, at)  { cos_lit(name), SUB_##sub, at }
#define BUCKET(name)        { cos_lit(name), SUB_OTHER, AT_BUCKET }
#define KEY(name)           { cos_lit(name), SUB_OTHER, AT_KEY }

/* cos-api.md 2.5, the S3 API, the BOS API */
static const sub_resource_t  sub_resources[] = {
    SUB("acl", ACL, AT_BUCKET | AT_KEY),
    SUB("delete", DELETE, AT_BUCKET),
    SUB("list-type", LIST_TYPE, AT_BUCKET),
    SUB("location", LOCATION, AT_BUCKET),
    SUB("uploads", UPLOADS, AT_BUCKET | AT_KEY),
    SUB("uploadId", UPLOAD_ID, AT_KEY),
    SUB("versions", VERSIONS, AT_BUCKET),
    SUB("versioning", VERSIONING, AT_BUCKET),
    SUB("tagging", TAGGING, AT_BUCKET | AT_KEY),
    SUB("encryption", ENCRYPTION, AT_BUCKET | AT_KEY),
    SUB("object-lock", OBJECT_LOCK, AT_BUCKET),
    SUB("quota", QUOTA, AT_BUCKET),
    SUB("requestPayment", REQUEST_PAYMENT, AT_BUCKET),
    SUB("publicAccessBlock", PUBLIC_BLOCK, AT_BUCKET),
    SUB("ownershipControls", OWNERSHIP, AT_BUCKET),
    SUB("cors", CORS, AT_BUCKET),
    SUB("referer", REFERER, AT_BUCKET),
    SUB("website", WEBSITE, AT_BUCKET),
    SUB("policy", POLICY, AT_BUCKET),
    SUB("policyStatus", POLICY_STATUS, AT_BUCKET),
    SUB("domain", DOMAIN, AT_BUCKET),
    SUB("attributes", ATTRIBUTES, AT_KEY),
    SUB("retention", RETENTION, AT_KEY),
    SUB("legal-hold", LEGAL_HOLD, AT_KEY),
    SUB("restore", RESTORE, AT_KEY),
    SUB("append", APPEND, AT_KEY),
    SUB("symlink", SYMLINK, AT_KEY),
    SUB("rename", RENAME, AT_KEY),
    SUB("renameObject", RENAME, AT_KEY),

    BUCKET("abac"), BUCKET("accelerate"), BUCKET("analytics"),
    BUCKET("copyrightProtection"),
    BUCKET("domaincertificate"), KEY("fetch"), BUCKET("intelligent-tiering"),
    BUCKET("intelligenttiering"), BUCKET("inventory"), BUCKET("lifecycle"),
    BUCKET("live"), BUCKET("logging"), BUCKET("metadataConfiguration"),
    BUCKET("metadataInventoryTable"), BUCKET("metadataJournalTable"),
    BUCKET("metadataTable"), BUCKET("metrics"), BUCKET("mirroring"),
    BUCKET("notification"), BUCKET("origin"), KEY("preflight"),
    BUCKET("replication"), KEY("select"), BUCKET("session"),
    BUCKET("staticWebsite"), BUCKET("strict-signature"), KEY("torrent"),
    BUCKET("trash"),
};

#undef SUB
#undef BUCKET
#undef KEY


/* Compared without case: some SDKs write "VersionId", "x-amz-date". */
static const cos_str_t  parameters[] = {
    cos_lit("versionId"), cos_lit("x-id"),

    /* listings */
    cos_lit("prefix"), cos_lit("delimiter"), cos_lit("marker"),
    cos_lit("max-keys"), cos_lit("encoding-type"), cos_lit("start-after"),
    cos_lit("continuation-token"), cos_lit("fetch-owner"),
    cos_lit("key-marker"), cos_lit("version-id-marker"),
    cos_lit("upload-id-marker"), cos_lit("max-uploads"),
    cos_lit("max-parts"), cos_lit("part-number-marker"),
    cos_lit("maxKeys"), cos_lit("keyMarker"), cos_lit("maxUploads"),
    cos_lit("maxParts"), cos_lit("partNumberMarker"),
    cos_lit("tagkey"), cos_lit("tagvalue"), cos_lit("region"),
    cos_lit("create-time"), cos_lit("range"), cos_lit("max-buckets"),
    cos_lit("position"),
    cos_lit("bucket-region"),

    /* signatures: legacy COS, S3 version 2, BCE */
    cos_lit("sign"), cos_lit("AWSAccessKeyId"), cos_lit("Expires"),
    cos_lit("Signature"), cos_lit("authorization"),
};

/* What an operation does less by, as far as it is read by its exact name. */
static const cos_str_t  limits[] = {
    cos_lit("prefix"), cos_lit("delimiter"), cos_lit("marker"),
    cos_lit("max-keys"), cos_lit("start-after"),
    cos_lit("continuation-token"), cos_lit("key-marker"),
    cos_lit("upload-id-marker"), cos_lit("max-uploads"),
};

static const cos_str_t  parameter_prefixes[] = {
    cos_lit("response-"), cos_lit("q-"), cos_lit("x-amz-"),
    cos_lit("x-cos-"), cos_lit("x-bce-"),
};

static const cos_str_t  instructions[] = {
    cos_lit("ci-"), cos_lit("imageMogr2"), cos_lit("imageView2"),
    cos_lit("imageInfo"), cos_lit("imageAve"), cos_lit("imageSlim"),
    cos_lit("watermark"), cos_lit("exif"), cos_lit("pipeline/"),
    cos_lit("x-bce-process"), cos_lit("x-cos-process"),
};


static const sub_resource_t *
find_sub(const cos_arg_t *arg, at_e at)
{
    size_t                 i;
    const sub_resource_t  *s;

    for (i = 0; i < sizeof(sub_resources) / sizeof(sub_resources[0]); i++) {
        s = &sub_resources[i];

        if (!cos_str_eq(arg->name, s->name)) {
            continue;
        }

        if (at == AT_KEY && !(s->at & AT_KEY) && arg->value.len > 0) {
            return NULL;
        }

        return s;
    }

    return NULL;
}


static int
is_parameter(cos_str_t name)
{
    size_t  i, len;

    for (i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++) {
        if (cos_str_ieq(name, parameters[i])) {
            return 1;
        }
    }

    for (i = 0;
         i < sizeof(parameter_prefixes) / sizeof(parameter_prefixes[0]);
         i++)
    {
        len = parameter_prefixes[i].len;

        if (name.len > len
            && cos_str_ieq((cos_str_t) { len, name.data },
                           parameter_prefixes[i]))
        {
            return 1;
        }
    }

    return 0;
}


/* An image instruction may have further ones behind it ("a/1|b/2"), and takes
 * its arguments after a '/': its beginning is all there is to compare. */
static int
is_instruction(cos_str_t name)
{
    size_t  i;

    for (i = 0; i < sizeof(instructions) / sizeof(instructions[0]); i++) {
        if (name.len >= instructions[i].len
            && memcmp(name.data, instructions[i].data, instructions[i].len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


static int
is_letters(cos_str_t name)
{
    size_t  i;
    cos_u8  c;

    for (i = 0; i < name.len; i++) {
        c = name.data[i] | 0x20;

        if ((c < 'a' || c > 'z') && name.data[i] != '-') {
            return 0;
        }
    }

    return name.len > 0;
}


cos_err_e
cos_name_query(query_t *q, const cos_args_t *args, verb_e verb, at_e at)
{
    size_t                 i;
    const cos_arg_t       *arg;
    const sub_resource_t  *s;

    memset(q, 0, sizeof(*q));

    for (i = 0; i < args->n; i++) {
        arg = &args->v[i];
        s = find_sub(arg, at);

        if (s != NULL) {
            /* Which of two would count depends on the reader: a proxy before
             * us, or who signed the URL, may have taken the other one. */
            if (q->sub != SUB_NONE) {
                return COS_E_INVALID_ARGUMENT;
            }

            q->sub = s->sub;
            q->chose[0] = arg;

            if (s->sub == SUB_LIST_TYPE && !cos_str_is(arg->value, "2")) {
                return COS_E_INVALID_ARGUMENT;
            }

        } else if (at == AT_KEY && cos_str_is(arg->name, "partNumber")) {
            if (q->with & WITH_PART) {
                return COS_E_INVALID_ARGUMENT;
            }

            q->with |= WITH_PART;
            q->chose[1] = arg;

        } else if (is_miscased(arg->name, at) || is_refused(arg, verb, at)) {
            q->refused = 1;
        }
    }

    return COS_OK;
}


/* Sub-resources of buckets are common words in the URL of an object. */
static int
is_miscased(cos_str_t name, at_e at)
{
    size_t                 i;
    const sub_resource_t  *s;

    for (i = 0; i < sizeof(sub_resources) / sizeof(sub_resources[0]); i++) {
        s = &sub_resources[i];

        if ((s->at & at) && cos_str_ieq(name, s->name)
            && !cos_str_eq(name, s->name))
        {
            return 1;
        }
    }

    if (at == AT_KEY) {
        return cos_str_iis(name, "partNumber");
    }

    for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        if (cos_str_ieq(name, limits[i]) && !cos_str_eq(name, limits[i])) {
            return 1;
        }
    }

    return 0;
}


static int
is_refused(const cos_arg_t *arg, verb_e verb, at_e at)
{
    if (is_instruction(arg->name)) {
        return 1;
    }

    if (is_parameter(arg->name)) {
        return 0;
    }

    if (verb != VERB_GET && verb != VERB_HEAD) {
        return 1;
    }

    if (arg->value.len > 0) {
        return 0;
    }

    return at != AT_KEY || is_letters(arg->name);
}

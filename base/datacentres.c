// The list of data centres, sorted. Pure.

#include "base/datacentres.h"

#include <stdlib.h>

static int asn_compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return left < right ? -1 : left > right;
}

static int row_add(struct datacentres *datacentres, struct list_reader *reader, struct slice row)
{
    struct slice kind = list_word(&row), number = list_word(&row);

    if (datacentres->n == DATACENTRES_MAX)
        return list_refuse(reader, "more than 8192 rows");
    if (!slice_equal(kind, SLICE("asn")) ||
        !list_number(number, UINT32_MAX, &datacentres->asn[datacentres->n]) || row.len == 0)
        return list_refuse(reader, "not `asn`, a number and whose it is");
    datacentres->n++;
    return 0;
}

int datacentres_parse(struct datacentres *datacentres, struct slice text, struct list_reader *reader)
{
    struct slice row;

    datacentres->n = 0;
    int r = list_start(reader, text, &datacentres->version);
    while (r == 0 && list_next(reader, &row))
        r = row_add(datacentres, reader, row);
    if (r)
        return r;
    qsort(datacentres->asn, datacentres->n, sizeof(datacentres->asn[0]), asn_compare);
    for (size_t i = 1; i < datacentres->n; i++)
        if (datacentres->asn[i - 1] == datacentres->asn[i])
            return list_refuse(reader, "a number stands twice");
    return 0;
}

bool datacentres_hold(const struct datacentres *datacentres, uint32_t asn)
{
    return asn > 0 && datacentres->n > 0 &&
           bsearch(&asn, datacentres->asn, datacentres->n, sizeof(asn), asn_compare) != NULL;
}

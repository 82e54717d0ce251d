// From the posted sums to the wanted ones in one balanced transaction. Owner: the batch. The path (accrue and
// release, or both at once) may differ with the order of arrival; the sums do not.

#include "attrib/posting.h"

static const char *posting_kind(int64_t posted_total, int64_t wanted_total, int64_t freed)
{
    if (posted_total == 0 && wanted_total > 0)
        return "accrue";
    if (posted_total != 0 && wanted_total == 0)
        return "void";
    return posted_total == wanted_total && freed > 0 ? "release" : "adjust";
}

bool posting_make(const struct posting_sums *posted, const struct posting_sums *wanted, struct posting *out)
{
    int64_t pending = wanted->pending_minor - posted->pending_minor;
    int64_t available = wanted->available_minor - posted->available_minor;

    *out = (struct posting){
        .kind = posting_kind(posted->pending_minor + posted->available_minor,
                             wanted->pending_minor + wanted->available_minor, available),
        .expense_minor = -(pending + available),
        .pending_minor = pending,
        .available_minor = available,
    };
    return pending != 0 || available != 0;
}

// Clocks and times as text. Only the first three functions look at a clock; the rest is pure.
// Dates are proleptic Gregorian in UTC, computed by days_from_civil (H. Hinnant), without the C library's
// time zones. Limits: 1970-01-01 to the end of the year 9999.

#include "base/clock.h"

#include <assert.h>
#include <stdbool.h>
#include <time.h>

#define DAY_SECONDS   86400
#define SECONDS_MAX   (CLOCK_MS_MAX / 1000)
#define DECIMALS_MAX  9
#define OFFSET_HOURS  23
#define DATE_TIME_LEN 19 // YYYY-MM-DDThh:mm:ss

static uint64_t clock_us(clockid_t id)
{
    struct timespec now;
    int r = clock_gettime(id, &now);
    assert(r == 0);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void clock_pause(unsigned ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    nanosleep(&pause, NULL);
}

uint64_t clock_wall_ms(void)
{
    return clock_us(CLOCK_REALTIME) / 1000;
}

uint64_t clock_monotonic_ms(void)
{
    return clock_us(CLOCK_MONOTONIC) / 1000;
}

uint64_t clock_monotonic_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

// Days since 1970-01-01; years count from March, so that the leap day comes last.
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = year / 400, year_of_era = year % 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static int64_t month_days(int64_t year, int64_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

// n digits as a number, or -1.
static int64_t digits_read(const char *at, size_t n)
{
    int64_t value = 0;
    for (size_t i = 0; i < n; i++) {
        if (at[i] < '0' || at[i] > '9')
            return -1;
        value = value * 10 + (at[i] - '0');
    }
    return value;
}

// YYYY-MM-DDThh:mm:ss as seconds since 1970 in its own zone, or -1.
static int64_t date_time_read(const char *at)
{
    int64_t year = digits_read(at, 4), month = digits_read(at + 5, 2), day = digits_read(at + 8, 2);
    int64_t hour = digits_read(at + 11, 2), minute = digits_read(at + 14, 2),
            second = digits_read(at + 17, 2);

    if (at[4] != '-' || at[7] != '-' || at[10] != 'T' || at[13] != ':' || at[16] != ':')
        return -1;
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > month_days(year, month))
        return -1;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
        return -1;
    return days_from_civil(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second;
}

// Takes ".5" (500 ms) off the front of text; no fraction is 0 ms. False when it is malformed.
static bool fraction_read(struct slice *text, int64_t *ms)
{
    size_t n = 0;

    *ms = 0;
    if (text->len == 0 || text->data[0] != '.')
        return true;
    for (n = 1; n < text->len && text->data[n] >= '0' && text->data[n] <= '9'; n++) {
        if (n <= 3)
            *ms = *ms * 10 + (text->data[n] - '0');
    }
    for (size_t i = n; i <= 3; i++)
        *ms *= 10;
    *text = (struct slice){text->data + n, text->len - n};
    return n >= 2 && n <= DECIMALS_MAX + 1;
}

static bool zone_read(struct slice text, int64_t *offset_seconds)
{
    *offset_seconds = 0;
    if (text.len == 1 && text.data[0] == 'Z')
        return true;
    if (text.len != 6 || (text.data[0] != '+' && text.data[0] != '-') || text.data[3] != ':')
        return false;
    int64_t hours = digits_read(text.data + 1, 2), minutes = digits_read(text.data + 4, 2);
    if (hours < 0 || hours > OFFSET_HOURS || minutes < 0 || minutes > 59)
        return false;
    *offset_seconds = (hours * 3600 + minutes * 60) * (text.data[0] == '-' ? -1 : 1);
    return true;
}

static int seconds_parse(struct slice text, int64_t *unix_ms)
{
    int64_t seconds = text.len >= 1 && text.len <= 12 ? digits_read(text.data, text.len) : -1;

    if (seconds < 0 || seconds > SECONDS_MAX)
        return CLOCK_MALFORMED;
    *unix_ms = seconds * 1000;
    return 0;
}

int clock_parse(struct slice text, int64_t *unix_ms)
{
    int64_t ms, offset;

    if (text.len <= DATE_TIME_LEN)
        return seconds_parse(text, unix_ms);
    int64_t seconds = date_time_read(text.data);
    struct slice rest = {text.data + DATE_TIME_LEN, text.len - DATE_TIME_LEN};
    if (seconds < 0 || !fraction_read(&rest, &ms) || !zone_read(rest, &offset))
        return CLOCK_MALFORMED;
    seconds -= offset;
    if (seconds < 0 || seconds > SECONDS_MAX)
        return CLOCK_MALFORMED;
    *unix_ms = seconds * 1000 + ms;
    return 0;
}

struct civil_date {
    int64_t year, month, day;
};

static struct civil_date civil_from_days(int64_t days)
{
    days += 719468;
    int64_t era = days / 146097, day_of_era = days % 146097;
    int64_t year = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * day_of_year + 2) / 153; // 0 is March
    int64_t day = day_of_year - (153 * month + 2) / 5 + 1;
    month += month < 10 ? 3 : -9;
    return (struct civil_date){year + era * 400 + (month <= 2), month, day};
}

static char *digits_write(char *at, int64_t value, int n, char after)
{
    for (int i = n - 1; i >= 0; i--, value /= 10)
        at[i] = (char)('0' + value % 10);
    at[n] = after;
    return at + n + 1;
}

size_t clock_format(int64_t unix_ms, char out[CLOCK_TEXT_BYTES])
{
    unix_ms = unix_ms < 0 ? 0 : unix_ms > CLOCK_MS_MAX ? CLOCK_MS_MAX : unix_ms;
    int64_t seconds = unix_ms / 1000, of_day = seconds % DAY_SECONDS;
    struct civil_date date = civil_from_days(seconds / DAY_SECONDS);
    char *at = out;

    at = digits_write(at, date.year, 4, '-');
    at = digits_write(at, date.month, 2, '-');
    at = digits_write(at, date.day, 2, 'T');
    at = digits_write(at, of_day / 3600, 2, ':');
    at = digits_write(at, of_day / 60 % 60, 2, ':');
    at = digits_write(at, of_day % 60, 2, '.');
    at = digits_write(at, unix_ms % 1000, 3, 'Z');
    *at = '\0';
    return (size_t)(at - out);
}

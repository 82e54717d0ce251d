#pragma once

// What an uploaded image is, by its bytes alone: its format and its size. Pure; nothing is decoded.

#include <stdint.h>

#include "base/slice.h"
#include "base/util.h"

#define IMAGE_BYTES_MAX (1024 * 1024)
#define IMAGE_SIDE_MAX  4096 // pixels

enum image_format {
    IMAGE_PNG,
    IMAGE_JPEG,
    IMAGE_GIF,
    IMAGE_WEBP,
};

enum image_condition {
    IMAGE_UNKNOWN = 1, // it begins like none of these
    IMAGE_BROKEN = 2,  // it does not go on as its format does
    IMAGE_LARGE = 3,   // a side is 0 or above IMAGE_SIDE_MAX
};

struct image {
    enum image_format format;
    uint32_t width, height; // pixels
};

// 0 or an enum image_condition.
must_check int image_measure(struct slice bytes, struct image *image);

const char *image_media_type(enum image_format format); // "image/png"
const char *image_extension(enum image_format format);  // "png"
